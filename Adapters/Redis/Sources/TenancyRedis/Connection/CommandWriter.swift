internal import CHiredis
import TenancyCore

/// Writes commands in the wire's form, by hiredis, from vectors of arguments: no byte of a key or a value can be taken
/// for anything else.
struct CommandWriter {
    /// The commands so far.
    private(set) var bytes: [UInt8] = []
    /// How many commands there are.
    private(set) var count = 0
    private var arguments: [UInt8] = []
    private var lengths: [Int] = []

    /// - Parameter room: How many bytes the arguments of one command are likely to have.
    init(room: Int = 256) {
        arguments.reserveCapacity(room)
        lengths.reserveCapacity(8)
    }

    /// Begins a command.
    mutating func begin(_ name: StaticString) {
        arguments.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        name.withUTF8Buffer { arguments.append(contentsOf: $0) }
        lengths.append(name.utf8CodeUnitCount)
    }

    /// Adds an argument.
    mutating func add(_ bytes: [UInt8]) {
        arguments.append(contentsOf: bytes)
        lengths.append(bytes.count)
    }

    /// Adds an argument.
    mutating func add(_ text: String) {
        let start = arguments.count
        arguments.append(contentsOf: text.utf8)
        lengths.append(arguments.count - start)
    }

    /// Adds a number in decimal digits.
    mutating func add(_ number: some BinaryInteger) { add(String(number)) }

    /// Adds an argument that is made of two parts.
    mutating func add(_ prefix: [UInt8], _ text: String) {
        let start = arguments.count
        arguments.append(contentsOf: prefix)
        arguments.append(contentsOf: text.utf8)
        lengths.append(arguments.count - start)
    }

    /// Ends a command.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/backendFailure`` if the memory does not suffice.
    mutating func end() throws(TenancyError) {
        var command: UnsafeMutablePointer<CChar>?
        let length = arguments.withUnsafeBytes { arguments in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { pointers in
                var position = 0
                for (index, length) in lengths.enumerated() {
                    let start = arguments.baseAddress?.advanced(by: position)
                    pointers.initializeElement(at: index, to: start?.assumingMemoryBound(to: CChar.self))
                    position += length
                }
                // An Int32 before hiredis 1.0, and a long long since.
                return Int(redisFormatCommandArgv(&command, Int32(lengths.count), pointers.baseAddress, lengths))
            }
        }
        guard let command, length > 0 else {
            throw TenancyError(.backendFailure, "hiredis could not write a command: the memory does not suffice.")
        }
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: command, count: length))
        redisFreeCommand(command)
        count += 1
    }

    /// Writes a whole command.
    mutating func write(_ words: String...) throws(TenancyError) { try write(words) }

    /// Writes a whole command.
    mutating func write(_ words: [String]) throws(TenancyError) {
        arguments.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        for word in words { add(word) }
        try end()
    }
}
