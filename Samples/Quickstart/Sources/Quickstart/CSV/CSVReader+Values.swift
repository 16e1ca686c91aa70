import Foundation

/// Why a row can't be loaded.
struct RowProblem: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

// The fields of the record, converted. An empty field and `NA` have no value.
extension CSVReader {
    /// A text.
    func text(_ column: Int) throws(RowProblem) -> String? {
        let field = fields[column]
        guard !isMissing(field) else { return nil }
        guard let text = String(validating: bytes[field.start..<field.end], as: UTF8.self) else {
            throw RowProblem("column '\(name(column))' is not UTF-8")
        }
        return field.hasDoubledQuotes ? text.replacing("\"\"", with: "\"") : text
    }

    /// A whole number.
    func integer(_ column: Int) throws(RowProblem) -> Int? {
        let field = fields[column]
        guard !isMissing(field) else { return nil }
        let isNegative = bytes[field.start] == UInt8(ascii: "-")
        let digits = (isNegative ? field.start + 1 : field.start)..<field.end
        // Eighteen digits can't overflow, and nothing here is as large.
        guard (1...18).contains(digits.count) else { throw wrong(column, "a whole number") }
        var number = 0
        for index in digits {
            let digit = Int(bytes[index]) - 48
            guard (0...9).contains(digit) else { throw wrong(column, "a whole number") }
            number = number * 10 + digit
        }
        return isNegative ? -number : number
    }

    /// A number.
    func double(_ column: Int) throws(RowProblem) -> Double? {
        guard let text = try text(column) else { return nil }
        guard let number = Double(text), number.isFinite else { throw wrong(column, "a number") }
        return number
    }

    /// Seconds since 1970 of an instant such as `2013-01-01T10:00:00Z`.
    ///
    /// Converted by hand, because Foundation's formatter takes longer for it than everything else takes for the row.
    func instant(_ column: Int) throws(RowProblem) -> Int? {
        let field = fields[column]
        guard !isMissing(field) else { return nil }
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        guard field.end - field.start == pattern.count else { throw wrong(column, "an instant") }
        for (offset, expected) in pattern.enumerated() {
            let byte = bytes[field.start + offset]
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            guard expected == UInt8(ascii: "0") ? isDigit : byte == expected else { throw wrong(column, "an instant") }
        }
        func number(_ offset: Int, _ length: Int) -> Int {
            bytes[(field.start + offset)..<(field.start + offset + length)].reduce(0) { $0 * 10 + Int($1) - 48 }
        }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2))
        guard (1...12).contains(month), (1...Self.days(of: month, year)).contains(day), hour < 24, minute < 60,
            second < 60
        else { throw wrong(column, "an instant") }
        return ((Self.dayNumber(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    /// What a column that must have a value holds.
    func required<Value>(_ value: Value?, _ column: Int) throws(RowProblem) -> Value {
        if let value { return value }
        throw RowProblem("column '\(name(column))' has no value")
    }

    private func name(_ column: Int) -> String { header.indices.contains(column) ? header[column] : "\(column + 1)" }

    private func wrong(_ column: Int, _ expected: String) -> RowProblem {
        let field = fields[column]
        let text = String(decoding: bytes[field.start..<field.end].prefix(40), as: UTF8.self)
        return RowProblem("column '\(name(column))' is not \(expected): '\(text)'")
    }

    private func isMissing(_ field: Field) -> Bool {
        switch field.end - field.start {
        case 0: true
        case 2: bytes[field.start] == UInt8(ascii: "N") && bytes[field.start + 1] == UInt8(ascii: "A")
        default: false
        }
    }

    private static func days(of month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the day that not every
    /// year has is a year's last.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let years = month > 2 ? year : year - 1
        let daysBefore = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return years * 365 + years / 4 - years / 100 + years / 400 + daysBefore - 719_468
    }
}
