import Tenancy

/// Rows of one file for one tenant, and the lines that they stand on.
struct FileBatch<Row: FileRow>: Sendable {
    let tenant: String
    private(set) var rows: [Row] = []
    private(set) var lines: [Int] = []

    init(tenant: String) { self.tenant = tenant }

    mutating func append(_ row: Row, line: Int) {
        rows.append(row)
        lines.append(line)
    }
}

extension FileBatch where Row: Entity {
    /// What became of the rows.
    struct Written: Sendable {
        let tenant: String
        var stored: [Row]
        var rejections: [Rejection] = []
    }

    /// Writes the rows. What the database refuses is reported by its line, and the rest is written.
    func write(to handle: TenantHandle) async throws -> Written {
        let options = BulkOptions(batchSize: max(1, rows.count), atomicity: .row)
        let result = try await handle.bulkCreate(rows, options: options)
        guard !result.failures.isEmpty else { return Written(tenant: tenant, stored: rows) }
        var written = Written(tenant: tenant, stored: [])
        let failures = Dictionary(result.failures.map { ($0.row, $0.error) }, uniquingKeysWith: { first, _ in first })
        for (place, row) in rows.enumerated() {
            guard let error = failures[place] else {
                written.stored.append(row)
                continue
            }
            let reason = error.code == .uniqueViolation ? "'\(row.id)' is there already" : error.message
            written.rejections.append(Rejection(file: Row.file, line: lines[place], reason: reason))
        }
        return written
    }
}
