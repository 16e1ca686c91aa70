import Foundation

@testable import TenancyCore
@testable import TenancyPostgres

/// Entities' tables in a schema of their own, made as the adapter makes them, and used as it uses them.
final class Bench {
    let admin: TestConnection
    let app: TestConnection
    let schema: String
    let entities: [EntityDescription]
    let isolation: Isolation
    private(set) var library: StatementLibrary

    private init(_ entities: [EntityDescription], _ isolation: Isolation) throws {
        admin = try TestConnection(.admin)
        app = try TestConnection(.application)
        schema = uniqueName("pg_test").replacing("pg_test", with: "tenancy_test")
        self.entities = entities
        self.isolation = isolation
        library = StatementLibrary(entities, schema: schema, maximumStatements: 64)
    }

    /// Gives the body a bench on a thread of its own and removes the schema afterwards.
    static func with<Value: Sendable>(
        _ entities: [EntityDescription], isolation: Isolation = .tenantSetting, isMigrated: Bool = true,
        _ body: @escaping @Sendable (Bench) throws -> Value
    ) async throws -> Value {
        try await blocking {
            let bench = try Bench(entities, isolation)
            let outcome = Result {
                if isMigrated { try bench.migrate() }
                return try body(bench)
            }
            try bench.admin.execute("DROP SCHEMA IF EXISTS \(bench.schema) CASCADE")
            return try outcome.get()
        }
    }

    var user: String { "tenancy_app" }

    func catalogue(_ connection: TestConnection, _ plans: [TablePlan]? = nil) throws -> Catalogue {
        let question = Catalogue.question(plans ?? library.plans, schema: schema, role: isolation.role ?? user)
        guard let rows = try connection.run(question).rows else { throw CancellationError() }
        return try Catalogue(rows)
    }

    /// Brings the tables up to some entities; returns how many steps that took.
    @discardableResult
    func migrate(to entities: [EntityDescription]? = nil) throws -> Int {
        let plans =
            entities.map { StatementLibrary($0, schema: schema, maximumStatements: 16).plans } ?? library.plans
        return try admin.transaction {
            try admin.execute(SchemaUpdate.lock)
            let steps = try SchemaUpdate(plans, try catalogue(admin, plans), isolation: isolation, user: user).steps()
            for step in steps {
                switch step {
                case .run(let text):
                    do { try admin.execute(text) } catch let error as TenancyError {
                        throw SchemaComparison.error(error)
                    }
                case .fill(let backfill):
                    try admin.execute(backfill.declare)
                    while let rows = try admin.execute(backfill.fetch).rows, let update = try backfill.update(rows) {
                        try admin.run(update)
                    }
                    try admin.execute(backfill.close)
                }
            }
            return steps.count
        }
    }

    /// What keeps the proof from succeeding, as the login role sees it.
    func problems(as connection: TestConnection? = nil) throws -> [IsolationProof.Problem] {
        IsolationProof(library.plans, try catalogue(connection ?? app), isolation: isolation).problems
    }

    /// Runs a statement for a tenant in a transaction of its own, the setting first.
    @discardableResult
    func run(
        _ bound: BoundStatement, for tenant: TenantID?, plan: TablePlan? = nil
    ) throws -> (rows: PostgresRows?, count: Int) {
        try app.transaction {
            if let tenant { try app.run(isolation.binding(tenant)) }
            return try app.run(bound, plan: plan)
        }
    }

    func read(_ entity: EntityDescription, _ keys: [Value], _ tenant: TenantID) throws -> [[Value]] {
        try values(run(library.read(entity, keys: keys, tenant), for: tenant).rows, entity.fields.map(\.type))
    }

    func select(
        _ entity: EntityDescription, _ query: Query, _ tenant: TenantID, fields: [String]? = nil
    ) throws -> [[Value]] {
        let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20).select(query, fields: fields)
        let types = statement.shape.columns.map { entity.fields[$0].type }
        return try values(run(library.select(statement, tenant), for: tenant).rows, types)
    }

    func aggregate(
        _ entity: EntityDescription, _ filter: TenancyCore.Predicate, groupBy: [String] = [],
        _ functions: [AggregateFunction], _ tenant: TenantID
    ) throws -> [[Value]] {
        let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20)
            .aggregate(filter, groupBy: groupBy, functions)
        let types =
            statement.shape.groupBy.map { entity.fields[$0].type }
            + statement.shape.figures.map { figure in
                figure.kind == .count ? .int64 : entity.fields[figure.column ?? 0].type
            }
        return try values(run(library.aggregate(statement, tenant), for: tenant).rows, types)
    }

    func search(
        _ entity: EntityDescription, _ text: String, filter: TenancyCore.Predicate = .always, all: Bool = true,
        prefix: Bool = false, limit: Int = 10, _ tenant: TenantID
    ) throws -> [[Value]] {
        let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20)
            .search(text, filter: filter, requiresAllWords: all, lastWordIsPrefix: prefix, limit: limit)
        guard let statement else { return [] }
        return try values(
            run(library.search(statement, tenant), for: tenant).rows, entity.fields.map(\.type) + [.double])
    }

    private func values(_ rows: PostgresRows?, _ types: [FieldType]) throws -> [[Value]] {
        guard let rows else { return [] }
        #if DEBUG
            assert(rows.columnCount == types.count)
        #endif
        var result: [[Value]] = []
        for row in 0..<rows.count {
            var values: [Value] = []
            for (column, type) in types.enumerated() {
                values.append(try RowView(rows, row: row).value(column, as: type))
            }
            result.append(values)
        }
        return result
    }
}

func tenant(_ id: String) -> TenantID {
    do { return try TenantID(id) } catch { preconditionFailure("\(error)") }
}
