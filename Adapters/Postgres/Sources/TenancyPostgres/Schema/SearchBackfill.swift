import TenancyCore

/// Fills the words of records that were written before their field was searched.
///
/// Run inside the migration's transaction, between the statements that take the force off the table's row security and
/// put it back, which nobody else sees: ``declare``; then ``fetch`` and the statement that ``update(_:)`` makes of its
/// rows, until there are none; then ``close``.
struct SearchBackfill: Sendable {
    let plan: TablePlan
    /// How many records are filled at a time.
    static let batchSize = 1_000

    let declare: String
    let fetch = "FETCH \(SearchBackfill.batchSize) FROM tenancy_backfill"
    let close = "CLOSE tenancy_backfill"
    private let statement: CompiledStatement

    init(_ plan: TablePlan) {
        self.plan = plan
        let names = plan.names
        let columns = names.searchColumns
        declare = """
            DECLARE tenancy_backfill NO SCROLL CURSOR FOR \
            SELECT tenant_id, \(names.key), \(names.list(columns)) FROM \(plan.table)
            """
        let cells = columns.indices.map { "w\($0)" }
        let assignments = zip(columns, cells).map { "\(names.words($0)) = u.\($1)" }
        let places = (1...columns.count + 2).map { "$\($0)" }.joined(separator: ", ")
        statement = CompiledStatement(
            """
            UPDATE \(plan.table) AS t SET \(assignments.joined(separator: ", ")) \
            FROM unnest(\(places)) AS u(tenant, key, \(cells.joined(separator: ", "))) \
            WHERE t.tenant_id = u.tenant AND t.\(names.key) = u.key
            """,
            types: [.textArray, PostgresType(arrayOf: plan.entity.key.type)] + columns.map { _ in .tsvectorArray })
    }

    /// The statement that stores the words of fetched rows; `nil` at the end.
    func update(_ rows: any RowBatch) throws(TenancyError) -> BoundStatement? {
        if rows.count == 0 { return nil }
        let searched = plan.names.searchColumns
        var tenants = ColumnBuffer(type: .string)
        var keys = ColumnBuffer(type: plan.entity.key.type)
        var texts = searched.map { _ in ColumnBuffer(type: .string) }
        for row in 0..<rows.count {
            tenants.append(try rows.string(row, 0))
            try keys.append(try RowView(rows, row: row).value(1, as: plan.entity.key.type))
            for index in searched.indices {
                try texts[index].append(RowView(rows, row: row).value(index + 2, as: .string))
            }
        }
        var parameters = ParameterBuffer(capacity: searched.count + 2)
        parameters.append(array: tenants, rows: 0..<rows.count)
        parameters.append(array: keys, rows: 0..<rows.count)
        for text in texts { parameters.append(arrayOfWordsOf: text, rows: 0..<rows.count) }
        try parameters.checkLengths()
        return BoundStatement(statement: statement, parameters: parameters)
    }
}
