import Foundation

/// What a line of a ``JSONLinesSink`` begins with: its batch, and its place there.
struct JSONLinesMark: Equatable {
    let batch: UUID
    let row: Int
    let rows: Int

    /// The longest mark, in bytes.
    static let maximumLength = 128

    private static let opening = #"{"batch":""#
    private static let beforeRow = #"","row":"#
    private static let beforeRows = #","rows":"#

    var text: String { Self.opening + batch.uuidString + Self.beforeRow + "\(row)" + Self.beforeRows + "\(rows)" }

    init(batch: UUID, row: Int, rows: Int) {
        self.batch = batch
        self.row = row
        self.rows = rows
    }

    /// The mark at the beginning of a line; `nil` if the line has none.
    init?(lineBeginning bytes: [UInt8]) {
        var rest = Substring(String(decoding: bytes, as: UTF8.self))
        func drop(_ text: String) -> Bool {
            guard rest.utf8.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.count)
            return true
        }
        func number() -> Int? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            return Int(digits)
        }
        guard drop(Self.opening), let batch = UUID(uuidString: String(rest.prefix(36))) else { return nil }
        rest = rest.dropFirst(36)
        guard drop(Self.beforeRow), let row = number(), drop(Self.beforeRows), let rows = number(), drop(","),
            row < rows
        else { return nil }
        self.init(batch: batch, row: row, rows: rows)
    }

    /// Whether bytes are what is left of a line that was not written to its end.
    static func canBegin(_ bytes: [UInt8]) -> Bool {
        // After a power failure a file can be longer than what was written to it, and the rest is zeros.
        if bytes.first == 0 { return true }
        let opening = Array(Self.opening.utf8)
        return bytes.starts(with: opening) || opening.starts(with: bytes)
    }
}
