/// A small file, read whole: its rows by their ids, and those that can't be loaded.
struct RowTable<Row: FileRow> {
    private(set) var rows: [String: Row] = [:]
    private var lines: [String: Int] = [:]
    private var rejected: [Int: Rejection] = [:]

    init(_ dataset: Dataset) throws {
        var reader = try RowReader<Row>(dataset)
        while let row = try reader.next() {
            if let first = lines[row.id] {
                reader.reject("'\(row.id)' is there already, on line \(first)")
                continue
            }
            rows[row.id] = row
            lines[row.id] = reader.csv.line
        }
        for rejection in reader.rejections { rejected[rejection.line] = rejection }
    }

    /// In the file's order.
    var rejections: [Rejection] { rejected.values.sorted { $0.line < $1.line } }

    /// The rows with these ids, for one tenant; those that the file doesn't have are passed over.
    func batch(_ ids: Set<String>, for tenant: String) -> FileBatch<Row> {
        var batch = FileBatch<Row>(tenant: tenant)
        for id in ids.sorted() {
            if let row = rows[id], let line = lines[id] { batch.append(row, line: line) }
        }
        return batch
    }

    /// Leaves out a row that the database refused.
    mutating func reject(_ id: String, _ reason: String) {
        rows[id] = nil
        if let line = lines[id] { reject(Rejection(file: Row.file, line: line, reason: reason)) }
    }

    /// Notes a row that the database refused. A row that several tenants were to have is one row of the file.
    mutating func reject(_ rejection: Rejection) { rejected[rejection.line] = rejection }
}
