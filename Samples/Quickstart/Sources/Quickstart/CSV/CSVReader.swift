import Foundation

/// Reads the records of a CSV file one after another, holding one block of the file at a time.
///
/// Strict, by RFC 4180: a record has as many fields as the header, a quote stands only around a whole field, and a
/// quote within it is doubled. What breaks a rule is reported with its line, and reading goes on with the next line.
/// Lines may end in LF or CR LF; empty ones are passed over.
///
/// Written here, because SwiftCSV holds a file whole, 450 MiB for all flights, and refuses all of one that has a byte in
/// it that is not UTF-8.
struct CSVReader {
    /// What the next step found.
    enum Step {
        /// A record, whose fields can be asked for now.
        case record
        /// Something that is no record, and why.
        case malformed(String)
        /// The file's end.
        case end
    }

    struct Field {
        var start: Int
        var end: Int
        var hasDoubledQuotes = false
    }

    private enum Scan {
        case record(next: Int, lines: Int)
        case malformed(String)
        case incomplete
    }

    /// The file's name, for messages.
    let name: String
    /// How large the file is.
    let size: Int
    /// The columns' names in the file's order.
    private(set) var header: [String] = []
    /// The line on which the record begins, from 1.
    private(set) var line = 0
    /// How many bytes were read as records so far.
    private(set) var consumed = 0

    private(set) var bytes: [UInt8] = []
    private(set) var fields: [Field] = []
    private let file: FileHandle
    private var position = 0
    private var nextLine = 1
    private var isAtEnd = false

    private static let blockSize = 1 << 18
    /// A quote that is never closed must not make the reader hold the rest of the file.
    private static let maximumRecordBytes = 1 << 20

    /// Opens a file and reads its header.
    init(_ url: URL) throws {
        name = url.lastPathComponent
        do {
            file = try FileHandle(forReadingFrom: url)
        } catch {
            throw QuickstartError("'\(url.path)' can't be read.", hint: "Pass a directory that holds \(name).")
        }
        size = Int(try file.seekToEnd())
        try file.seek(toOffset: 0)
        try fill()
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        guard case .record = try next() else {
            throw QuickstartError("'\(name)' has no header.", hint: "Its first line must name the columns.")
        }
        for column in fields.indices { header.append(try text(column) ?? "") }
    }

    /// The position of a column.
    func column(_ name: String) throws -> Int {
        if let column = header.firstIndex(of: name) { return column }
        throw QuickstartError("'\(self.name)' has no column '\(name)'.", hint: "Its first line must name the columns.")
    }

    /// Goes to the next record.
    mutating func next() throws -> Step {
        while true {
            switch scan() {
            case .incomplete:
                if isAtEnd { return .end }
                try fill()
            case .malformed(let reason):
                line = nextLine
                try skipLine()
                return .malformed(reason)
            case .record(let next, let lines):
                line = nextLine
                let isEmpty = fields.count == 1 && fields[0].start == fields[0].end
                advance(to: next, lines: lines)
                if isEmpty { continue }
                if !header.isEmpty, fields.count != header.count {
                    return .malformed("it has \(fields.count) fields, and the header has \(header.count)")
                }
                return .record
            }
        }
    }

    private mutating func scan() -> Scan {
        fields.removeAll(keepingCapacity: true)
        let end = bytes.count
        var index = position
        var start = position
        var lines = 1
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: ","):
                fields.append(Field(start: start, end: index))
                index += 1
                start = index
            case UInt8(ascii: "\n"):
                addLast(from: start, to: index)
                return .record(next: index + 1, lines: lines)
            case UInt8(ascii: "\""):
                guard index == start else { return .malformed("a quote stands within a field") }
                var field = Field(start: index + 1, end: index + 1)
                switch quoted(&field, &lines) {
                case .incomplete: return .incomplete
                case .malformed(let reason): return .malformed(reason)
                case .record(let next, _): index = next
                }
                fields.append(field)
                // Either a comma, after which the next field begins, or the record's end.
                if index < end, bytes[index] == UInt8(ascii: ",") {
                    index += 1
                    start = index
                } else {
                    if index < end, bytes[index] == UInt8(ascii: "\r") { index += 1 }
                    return .record(next: min(index + 1, end), lines: lines)
                }
            default: index += 1
            }
        }
        if isAtEnd, position < end {
            addLast(from: start, to: end)
            return .record(next: end, lines: lines)
        }
        return end - position > Self.maximumRecordBytes ? .malformed("it is longer than a record may be") : .incomplete
    }

    /// Finds the end of a quoted field; what follows it is where the scan goes on.
    private func quoted(_ field: inout Field, _ lines: inout Int) -> Scan {
        var index = field.start
        while true {
            guard index < bytes.count else {
                let isHopeless = isAtEnd || index - position > Self.maximumRecordBytes
                return isHopeless ? .malformed("a quote is not closed") : .incomplete
            }
            if bytes[index] == UInt8(ascii: "\n") { lines += 1 }
            guard bytes[index] == UInt8(ascii: "\"") else {
                index += 1
                continue
            }
            // Whether the quote is doubled, and what follows it, lies in the next bytes.
            if index + 2 >= bytes.count, !isAtEnd { return .incomplete }
            if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "\"") {
                field.hasDoubledQuotes = true
                index += 2
                continue
            }
            field.end = index
            let rest = bytes[(index + 1)...].prefix(2)
            guard
                rest.isEmpty || rest.first == UInt8(ascii: ",") || rest.first == UInt8(ascii: "\n")
                    || rest.elementsEqual([UInt8(ascii: "\r"), UInt8(ascii: "\n")])
            else { return .malformed("something follows a closing quote") }
            return .record(next: index + 1, lines: 0)
        }
    }

    private mutating func addLast(from start: Int, to end: Int) {
        let endsInCR = end > start && bytes[end - 1] == UInt8(ascii: "\r")
        fields.append(Field(start: start, end: endsInCR ? end - 1 : end))
    }

    private mutating func advance(to next: Int, lines: Int) {
        consumed += next - position
        position = next
        nextLine += lines
    }

    private mutating func skipLine() throws {
        while true {
            if let newline = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) {
                return advance(to: newline + 1, lines: 1)
            }
            if isAtEnd { return advance(to: bytes.count, lines: 1) }
            try fill()
        }
    }

    /// Reads another block behind what is left of the last one.
    private mutating func fill() throws {
        bytes.removeSubrange(..<position)
        position = 0
        let block = try file.read(upToCount: Self.blockSize) ?? Data()
        if block.isEmpty { isAtEnd = true }
        bytes.append(contentsOf: block)
    }
}
