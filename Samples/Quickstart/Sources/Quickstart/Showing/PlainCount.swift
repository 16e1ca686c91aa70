import Foundation

/// The flights of the CSV, counted in its bytes and by nothing that the loader reads with: rows that the loader's reader
/// lost would be missing from that reader's count too.
///
/// Every line that is not empty is a flight, because no value of a flight has a line break or a comma in it.
struct PlainCount: Equatable {
    /// All lines but the header and those that were reported as not loaded.
    private(set) var total = 0
    /// The same, by airline.
    private(set) var byCarrier: [String: Int] = [:]
    /// The reported lines that are there. One that isn't was never read from this file.
    private(set) var rejected = 0

    /// - Parameter rejected: Lines that were reported as not loaded, from 1.
    init(_ data: Data, except rejected: Set<Int>) throws {
        let carrierColumn = Data("carrier".utf8)
        var column: Int?
        var line = 0
        var start = data.startIndex
        while start < data.endIndex {
            let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) ?? data.endIndex
            let text = data[start..<end]
            start = end < data.endIndex ? end + 1 : end
            line += 1
            guard !text.isEmpty, text != Data("\r".utf8) else { continue }
            guard let place = column else {
                let names = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                column = names.firstIndex { Self.bare($0) == carrierColumn }
                if column != nil { continue }
                throw QuickstartError("The flights have no column 'carrier'.", hint: "The first line must name it.")
            }
            if rejected.contains(line) {
                self.rejected += 1
                continue
            }
            total += 1
            let fields = text.split(
                separator: UInt8(ascii: ","), maxSplits: place + 1, omittingEmptySubsequences: false)
            let carrier = fields.count > place ? Self.bare(fields[place]) : Data()
            byCarrier[String(decoding: carrier, as: UTF8.self), default: 0] += 1
        }
    }

    /// A field without what may stand around it: quotes, the end of a line, the mark at a file's beginning.
    private static func bare(_ field: Data) -> Data {
        var field = field
        if field.starts(with: [0xEF, 0xBB, 0xBF]) { field = field.dropFirst(3) }
        if field.last == UInt8(ascii: "\r") { field = field.dropLast() }
        if field.count > 1, field.first == UInt8(ascii: "\""), field.last == UInt8(ascii: "\"") {
            field = field.dropFirst().dropLast()
        }
        return field
    }
}
