import Foundation

/// A file of events. Each is in the file when the call that adds it returns, so that a process that is killed has told
/// everything that it has done, and is written in one piece.
final class EventLog: Sendable {
    /// How many bytes an event has in the file.
    static let stride = 32
    /// How many events are held at a time by who reads a file.
    private static let block = 4_096

    private let descriptor: Int32

    /// Makes the file.
    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw CheckError("'\(path)' can't be written.") }
    }

    deinit { close(descriptor) }

    func append(_ event: Event) {
        withUnsafeTemporaryAllocation(byteCount: Self.stride, alignment: 8) { bytes in
            bytes.storeBytes(of: event.kind.rawValue, toByteOffset: 0, as: UInt8.self)
            bytes.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
            bytes.storeBytes(of: event.key.tenant, toByteOffset: 2, as: UInt16.self)
            bytes.storeBytes(of: event.key.generation, toByteOffset: 4, as: UInt32.self)
            bytes.storeBytes(of: event.version, toByteOffset: 8, as: Int64.self)
            bytes.storeBytes(of: event.interval.lowerBound, toByteOffset: 16, as: Int64.self)
            // The slot and how long it took share eight bytes: 48 bits of nanoseconds are three days.
            let length = UInt64(event.interval.upperBound - event.interval.lowerBound) & 0xFFFF_FFFF_FFFF
            bytes.storeBytes(of: length << 16 | UInt64(event.key.slot), toByteOffset: 24, as: UInt64.self)
            // Into the page cache, which does not wait for the disk.
            let count = write(descriptor, bytes.baseAddress, Self.stride)
            precondition(count == Self.stride, "an event could not be written")
        }
    }

    /// Goes through the events of a file, a few thousand at a time.
    ///
    /// - Parameter start: How many events to pass over.
    /// - Returns: How many events there are, those included.
    @discardableResult
    static func read(_ path: String, from start: Int = 0, _ body: (Event) -> Void) throws -> Int {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(start * stride))
        var end = start
        while let data = try file.read(upToCount: stride * block), !data.isEmpty {
            guard data.count % stride == 0 else { throw CheckError("'\(path)' has half an event.") }
            end += data.count / stride
            data.withUnsafeBytes { bytes in
                for offset in Swift.stride(from: 0, to: bytes.count, by: stride) {
                    if let event = event(bytes, offset) { body(event) }
                }
            }
        }
        return end
    }

    private static func event(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Event? {
        guard let kind = Event.Kind(rawValue: bytes[offset]) else { return nil }
        let start = bytes.loadUnaligned(fromByteOffset: offset + 16, as: Int64.self)
        let tail = bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
        let key = RecordKey(
            tenant: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self),
            slot: UInt16(truncatingIfNeeded: tail),
            generation: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        return Event(
            kind: kind, key: key, version: bytes.loadUnaligned(fromByteOffset: offset + 8, as: Int64.self),
            interval: start...start + Int64(tail >> 16))
    }
}
