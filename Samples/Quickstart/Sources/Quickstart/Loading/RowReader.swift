/// What a row of one of the files becomes.
protocol FileRow: Identifiable, Sendable where ID == String {
    /// The file's name.
    static var file: String { get }

    /// Finds the columns in the header, and gives what makes a value of a record.
    static func parser(_ csv: CSVReader) throws -> (CSVReader) throws(RowProblem) -> Self
}

/// Reads the rows of a file one after another, and keeps what is wrong with those that are none: the same for every
/// file.
struct RowReader<Row: FileRow> {
    private(set) var csv: CSVReader
    private let parse: (CSVReader) throws(RowProblem) -> Row
    /// The rows that can't be read, or that ``reject(_:)`` was told of.
    private(set) var rejections: [Rejection] = []

    init(_ dataset: Dataset) throws {
        csv = try CSVReader(dataset.url(of: Row.file))
        parse = try Row.parser(csv)
    }

    /// The next row that can be read; `nil` at the file's end.
    mutating func next() throws -> Row? {
        while true {
            switch try csv.next() {
            case .end: return nil
            case .malformed(let reason): reject(reason)
            case .record:
                do throws(RowProblem) {
                    return try parse(csv)
                } catch {
                    reject(error.reason)
                }
            }
        }
    }

    /// Leaves out the row that was read last.
    mutating func reject(_ reason: String) {
        rejections.append(Rejection(file: Row.file, line: csv.line, reason: reason))
    }
}
