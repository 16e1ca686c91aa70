import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

/// Whether the server finds records by index under row security, which a condition that is not leakproof, a cast of a
/// column, or an order that no index has would keep it from.
@Suite("PostgreSQL: plans", .requires(.application))
struct PlanTests {
    private let a = tenant("t7")

    private func filled<Value: Sendable>(
        _ entity: EntityDescription, _ body: @escaping @Sendable (Bench) throws -> Value
    ) async throws -> Value {
        try await Bench.with([entity]) { bench in
            try bench.admin.execute(
                """
                INSERT INTO \(bench.schema).items (tenant_id, id, name, number, note, version, token, at, amount)
                SELECT 't' || i % 20, i, 'name ' || i, i % 1000, 'note', 1, gen_random_uuid(),
                    now() + i * interval '1 s', i
                FROM generate_series(1, 40000) AS i
                """)
            try bench.admin.execute("ANALYZE \(bench.schema).items")
            return try body(bench)
        }
    }

    /// The plan for the values.
    private static func plan(_ connection: TestConnection, _ bound: BoundStatement) throws -> String {
        let explained = BoundStatement(
            statement: CompiledStatement(
                "EXPLAIN (COSTS OFF) " + bound.statement.text,
                types: bound.statement.types.compactMap(PostgresType.init(rawValue:))),
            parameters: bound.parameters)
        guard let rows = try connection.run(explained).rows else { return "" }
        return try (0..<rows.count).map { try rows.string($0, 0) }.joined(separator: "\n")
    }

    /// The plan for the values, and the one for any values, which is what a statement that is run often gets.
    private static func plans(_ bench: Bench, _ bound: BoundStatement, _ tenant: TenantID) throws -> [String] {
        var plans: [String] = []
        try bench.app.transaction {
            try bench.app.run(bench.isolation.binding(tenant))
            plans.append(try plan(bench.app, bound))
            try bench.app.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            let types = try bound.statement.types.map { number in
                try bench.app.texts("SELECT format_type(\(number), NULL)")[0][0]
            }
            try bench.app.execute("PREPARE probe (\(types.joined(separator: ", "))) AS \(bound.statement.text)")
            let nulls = types.map { _ in "NULL" }.joined(separator: ", ")
            let lines = try bench.app.texts("EXPLAIN (COSTS OFF) EXECUTE probe(\(nulls))")
            plans.append(lines.map { $0[0] }.joined(separator: "\n"))
            try bench.app.execute("DEALLOCATE probe")
        }
        return plans
    }

    @Test("Reads by key use the key's index, for one key and for many")
    func pointReads() async throws {
        let entity = makeItem()
        let plans = try await filled(entity) { [a] bench in
            try Self.plans(bench, bench.library.read(entity, keys: [7], a), a)
                + Self.plans(bench, bench.library.read(entity, keys: [7, 27, 47], a), a)
        }
        for plan in plans {
            #expect(plan.contains("items_pkey"), "\(plan)")
            #expect(plan.contains("Index Cond: ((tenant_id = ") && plan.contains("AND (id = "), "\(plan)")
            #expect(!plan.contains("Seq Scan"), "\(plan)")
        }
    }

    @Test("A prefix is a range of its index")
    func prefix() async throws {
        let entity = makeItem()
        let plans = try await filled(entity) { [a] bench in
            let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20)
                .select(Query(filter: .text(field: "name", .prefix, "name 1234")))
            return try Self.plans(bench, bench.library.select(statement, a), a)
        }
        for plan in plans {
            #expect(plan.contains("name >= ") && plan.contains("name < ") && plan.contains("Index Cond"), "\(plan)")
            #expect(!plan.contains("Seq Scan"), "\(plan)")
        }
    }

    @Test("A page begins where the last one ended, in an index's order, both ways", arguments: [true, false])
    func pages(_ ascending: Bool) async throws {
        let entity = makeItem()
        let plans = try await filled(entity) { [a] bench in
            let builder = StatementBuilder(entity, maximumValueBytes: 1 << 20)
            var query = Query(sort: [.init("number", ascending ? .ascending : .descending)], limit: 50)
            let first = try builder.select(query)
            query.filter = Keyset.after([500, 12], order: first.shape.order, in: entity)
            return try Self.plans(bench, bench.library.select(first, a), a)
                + Self.plans(bench, bench.library.select(builder.select(query), a), a)
        }
        for plan in plans {
            #expect(plan.contains("Limit") && plan.contains("Index Scan"), "\(plan)")
            #expect(!plan.contains("Seq Scan"), "\(plan)")
        }
        for plan in plans.suffix(2) { #expect(plan.contains(ascending ? "number >= " : "number <= "), "\(plan)") }
    }

    @Test("A search is led by the tenant, and by the words too once a superuser has said that nothing leaks")
    func search() async throws {
        let entity = makeItem()
        let plans = try await filled(entity) { [a] bench in
            try bench.admin.execute("UPDATE \(bench.schema).items SET _words_name = to_tsvector('simple', name)")
            try bench.admin.execute("ANALYZE \(bench.schema).items")
            let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20)
                .search("1234", filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 10)
            guard let statement else { throw CancellationError() }
            let bound = try bench.library.search(statement, a)
            var plans = try Self.plans(bench, bound, a)
            // In a transaction that is undone, because the function is everybody's.
            try bench.admin.execute("BEGIN")
            defer { _ = try? bench.admin.execute("ROLLBACK") }
            try bench.admin.execute("ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF")
            try bench.admin.execute("SET LOCAL ROLE tenancy_app")
            try bench.admin.run(bench.isolation.binding(a))
            plans.append(try Self.plan(bench.admin, bound))
            return plans
        }
        for plan in plans { #expect(!plan.contains("Seq Scan"), "\(plan)") }
        #expect(plans[2].contains("Bitmap Index Scan on items_s_"), "\(plans[2])")
        #expect(plans[2].contains("Index Cond") && plans[2].contains("@@"), "\(plans[2])")
    }
}
