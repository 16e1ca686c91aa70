import Foundation
import TenancyCore

/// Goes through the end of a file of JSON lines and finds its batches. Holds one chunk and the beginning of a line.
struct JSONLinesScan {
    /// The batches that are whole, in order.
    private(set) var batches: [UUID] = []
    /// Where the last whole batch ends; `nil` if none was found, 0 of an empty file.
    private(set) var wholeEnd: off_t?

    private let start: off_t
    private var position: off_t
    /// The beginning of the line that is being read.
    private var line: [UInt8] = []
    private var lineLength = 0
    /// The line before, if its batch goes on.
    private var open: JSONLinesMark?
    /// The first line that is read is the rest of one that began before.
    private var skipsLine: Bool
    /// The first batch that is read may have begun before.
    private var mayBeginInBatch: Bool

    init(from start: off_t) {
        self.start = start
        position = start
        skipsLine = start > 0
        mayBeginInBatch = start > 0
        wholeEnd = start == 0 ? 0 : nil
    }

    /// Reads to the end of the file.
    mutating func read(_ descriptor: Int32) throws(TenancyError) {
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = chunk.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, position) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw JSONLinesFile.failure("read") }
            if count == 0 { break }
            var rest = chunk[..<count]
            while let newline = rest.firstIndex(of: 0x0a) {
                take(rest[..<newline])
                try endLine(at: position + off_t(newline + 1))
                rest = rest[(newline + 1)...]
            }
            take(rest)
            position += off_t(count)
        }
        if lineLength > 0, !skipsLine, !JSONLinesMark.canBegin(line) { throw Self.foreign }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        lineLength += bytes.count
        line += bytes.prefix(JSONLinesMark.maximumLength - line.count)
    }

    private mutating func endLine(at end: off_t) throws(TenancyError) {
        defer {
            line.removeAll(keepingCapacity: true)
            lineLength = 0
        }
        if skipsLine {
            skipsLine = false
            return
        }
        guard let mark = JSONLinesMark(lineBeginning: line) else { throw Self.foreign }
        let follows = open.map { $0.batch == mark.batch && $0.rows == mark.rows && $0.row + 1 == mark.row }
        guard follows ?? (mark.row == 0 || mayBeginInBatch) else { throw Self.foreign }
        mayBeginInBatch = false
        if mark.row + 1 == mark.rows {
            open = nil
            wholeEnd = end
            batches.append(mark.batch)
        } else {
            open = mark
        }
    }

    private static var foreign: TenancyError {
        TenancyError(
            .corrupted, "The analytics file holds something that the sink did not write.",
            hint: "Move the file away, or name another.")
    }
}
