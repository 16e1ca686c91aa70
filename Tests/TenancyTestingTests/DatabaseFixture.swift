import Foundation
import TenancyCore
import TenancyTesting

/// A database in memory with one entity of several types, and short ways to use it.
struct DatabaseFixture: Sendable {
    static let entity = EntityDescription(
        name: "things",
        fields: [
            FieldDescription(name: "id", type: .int64, isNullable: false),
            FieldDescription(name: "name", type: .string, isNullable: true),
            FieldDescription(name: "size", type: .int64, isNullable: true),
            FieldDescription(
                name: "price", type: .decimal, isNullable: true, options: .decimal(precision: 6, scale: 2)),
            FieldDescription(name: "weight", type: .double, isNullable: true),
            FieldDescription(name: "code", type: .string, isNullable: true),
            FieldDescription(name: "version", type: .int64, isNullable: false),
        ], keyColumn: 0, versionColumn: 6, indexes: [.init(columns: [5], isUnique: true)],
        searchFields: [.init(column: 1, weight: 2), .init(column: 5)])

    let database: InMemoryDatabase
    let a: TenantContext
    let b: TenantContext

    init(
        defects: InMemoryDatabase.Defect = [], capabilities: DatabaseCapabilities = DatabaseCapabilities(),
        maximumWait: Duration = .seconds(10)
    ) async throws {
        database = InMemoryDatabase(capabilities: capabilities, defects: defects, maximumWait: maximumWait)
        a = TenantContext(tenant: try TenantID("a"))
        b = TenantContext(tenant: try TenantID("b"))
        try await database.start([Self.entity])
    }

    var builder: StatementBuilder { StatementBuilder(Self.entity, maximumValueBytes: 10_000) }

    /// A row of the entity: fields that are not named have no value, the version is 1.
    static func row(_ id: Int64, _ values: [String: Value] = [:]) -> [Value] {
        entity.fields.map { field in
            values[field.name] ?? (field.name == "id" ? .int64(id) : field.name == "version" ? 1 : .null)
        }
    }

    static func batch(_ rows: [[Value]]) throws(TenancyError) -> ColumnBatch {
        var batch = ColumnBatch(entity, capacity: rows.count)
        for row in rows { try batch.append(row) }
        return batch
    }

    @discardableResult
    func insert(
        _ rows: [Value]..., atomically: Bool = true, on runner: (any StatementRunner)? = nil, in context: TenantContext
    ) async throws(TenancyError) -> WriteResult {
        try await (runner ?? database).write(
            builder.write(.insert(try Self.batch(rows)), isAtomic: atomically), in: context)
    }

    /// The records that a filter finds, in order.
    func rows(
        _ filter: TenancyCore.Predicate = .always, sort: [Query.Sort] = [.init("id")], limit: Int? = nil,
        on runner: (any StatementRunner)? = nil, in context: TenantContext
    ) async throws(TenancyError) -> [[Value]] {
        let statement = try builder.select(Query(filter: filter, sort: sort, limit: limit))
        return try Self.values(await (runner ?? database).select(statement, in: context))
    }

    /// The keys of the records that a filter finds, in order.
    func keys(
        _ filter: TenancyCore.Predicate = .always, sort: [Query.Sort] = [.init("id")], limit: Int? = nil,
        on runner: (any StatementRunner)? = nil, in context: TenantContext
    ) async throws(TenancyError) -> [Int64] {
        try await rows(filter, sort: sort, limit: limit, on: runner, in: context).compactMap {
            if case .int64(let key) = $0[0] { key } else { nil }
        }
    }

    /// The keys of the records that a search finds, best first.
    func found(
        _ text: String, filter: TenancyCore.Predicate = .always, all: Bool = true, prefix: Bool = false,
        limit: Int = 100,
        in context: TenantContext
    ) async throws(TenancyError) -> [Int64] {
        guard
            let statement = try builder.search(
                text, filter: filter, requiresAllWords: all, lastWordIsPrefix: prefix, limit: limit)
        else { return [] }
        let batch = try await database.search(statement, in: context)
        var keys: [Int64] = []
        for row in 0..<batch.count { keys.append(try batch.int64(row, 0)) }
        return keys
    }

    static func values(_ batch: any RowBatch) throws(TenancyError) -> [[Value]] {
        var rows: [[Value]] = []
        for row in 0..<batch.count {
            var values: [Value] = []
            for (column, field) in entity.fields.enumerated() {
                values.append(try RowView(batch, row: row).value(column, as: field.type))
            }
            rows.append(values)
        }
        return rows
    }
}

/// The code of the error that a call throws; `nil` if it throws none.
func code(_ body: () async throws -> Void) async -> TenancyError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return TenancyError.wrap(error).code
    }
}
