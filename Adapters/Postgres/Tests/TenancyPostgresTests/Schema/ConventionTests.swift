import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: how the tenant is bound")
struct ConventionTests {
    @Test("Supabase's convention keeps tenants apart, and nothing of it outlives the transaction", .requires(.admin))
    func supabase() async throws {
        let entity = makeItem()
        let outcome = try await blocking {
            let admin = try TestConnection(.admin)
            // What Supabase installs; the roles and the schema are the cluster's, so they are made once and stay.
            try admin.transaction {
                try admin.execute(SchemaUpdate.lock)
                let known = try admin.texts("SELECT count(*) FROM pg_roles WHERE rolname = 'authenticated'")
                if known == [["0"]] { try admin.execute("CREATE ROLE authenticated NOLOGIN NOINHERIT") }
                try admin.execute("CREATE SCHEMA IF NOT EXISTS auth")
                try admin.execute(
                    """
                    CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
                    SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                        nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$
                    """)
                try admin.execute("GRANT USAGE ON SCHEMA auth TO authenticated")
            }
            return true
        }
        #expect(outcome)
        let found = try await Bench.with([entity], isolation: .claims(role: "authenticated", claim: "tenant_id")) {
            bench in
            let (login, a, b) = (uniqueName("tenancy_test_login"), tenant("a"), tenant("b"))
            try bench.admin.execute("CREATE ROLE \(login) LOGIN NOINHERIT PASSWORD 'x' IN ROLE authenticated")
            defer { _ = try? bench.admin.execute("DROP ROLE \(login)") }
            var configuration = try PostgresConfiguration(url: TestServer.application.address())
            (configuration.user, configuration.password) = (login, Secret("x"))
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
            let app = try TestConnection(parameters)
            func run(_ bound: BoundStatement, for tenant: TenantID) throws -> (rows: PostgresRows?, count: Int) {
                try app.transaction {
                    try app.run(bench.isolation.binding(tenant))
                    return try app.run(bound)
                }
            }
            let insert = try bench.library.write(
                bench.statement(entity, .insert(bench.batch(entity, [item(1)]))), a
            ).step(row: 0).bound
            let inserted = try run(insert, for: a).count
            let read = try bench.library.read(entity, keys: [1], a)
            let (mine, theirs) = (try run(read, for: a).rows?.count, try run(read, for: b).rows?.count)
            let wrong = failure { _ = try run(insert, for: b) }
            let after = failure { _ = try app.run(read) }
            let role = try app.texts("SELECT current_user = session_user")
            let catalogue = try app.transaction {
                try app.run(bench.isolation.binding(a))
                guard
                    let rows = try app.run(
                        Catalogue.question(bench.library.plans, schema: bench.schema, role: "authenticated")
                    ).rows
                else { throw CancellationError() }
                return try Catalogue(rows)
            }
            let problems = IsolationProof(bench.library.plans, catalogue, isolation: bench.isolation).problems
            let unbound = try IsolationProof(
                bench.library.plans, bench.catalogue(app), isolation: bench.isolation
            ).problems.count
            return (inserted, mine, theirs, wrong?.code, after?.code, role, problems, unbound, try bench.migrate())
        }
        #expect(found.0 == 1)
        #expect(found.1 == 1)
        #expect(found.2 == 0)
        #expect(found.3 == .tenantMismatch)
        #expect(found.4 == .invalidConfiguration, "the login role itself may do nothing")
        #expect(found.5 == [["t"]])
        #expect(found.6 == [])
        #expect(found.7 > 0, "the proof is about the role that transactions take on")
        #expect(found.8 == 0)
    }

    @Test(
        "Behind a pooler in transaction mode a tenant is bound for its transaction, and nobody inherits it",
        .requires(.pooler))
    func pooler() async throws {
        let entity = makeItem()
        let found = try await Bench.with([entity]) { bench in
            let a = tenant("a")
            try bench.insert(entity, [item(1)], a)
            var configuration = try PostgresConfiguration(url: TestServer.pooler.address())
            configuration.pooling = .transaction
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
            let clients = try (0..<4).map { _ in try TestConnection(parameters) }
            let read = try bench.library.read(entity, keys: [1], a)
            var counts: [Int] = []
            for round in 0..<5 {
                for (index, client) in clients.enumerated() {
                    let bound = (index + round) % 2 == 0
                    counts.append(
                        try client.transaction {
                            if bound { try client.run(bench.isolation.binding(a)) }
                            return (try client.run(read).rows?.count ?? -1) - (bound ? 1 : 0)
                        })
                }
            }
            return counts
        }
        #expect(found.allSatisfy { $0 == 0 })
    }

    @Test("Conditions that the server shows in other words are the same, and others are not")
    func normalization() {
        let expected = Isolation.tenantSetting.normalizedCondition
        let shown =
            "(tenant_id = ( SELECT NULLIF(current_setting('app.tenant_id'::text, true), ''::text) AS \"nullif\"))"
        #expect(Isolation.normalize(shown) == expected)
        for other in [
            "(tenant_id = ( SELECT NULLIF(current_setting('app.tenant_ID'::text, true), ''::text) AS \"nullif\"))",
            "(tenant_id <> ( SELECT NULLIF(current_setting('app.tenant_id'::text, true), ''::text) AS \"nullif\"))",
            "(\(shown) OR true)",
            "true",
            "(tenant_id = ( SELECT NULLIF(current_setting('app.tenant_id'::text, true), ' '::text) AS \"nullif\"))",
        ] { #expect(Isolation.normalize(other) != expected) }
    }

    @Test("Prepared names are short, unlike and stable; the shapes that are kept are bounded")
    func names() throws {
        let entity = makeItem()
        let library = StatementLibrary([entity], schema: "public", maximumStatements: 16)
        let a = tenant("a")
        func name(_ limit: Int, _ field: String) throws -> CompiledStatement {
            let statement = try StatementBuilder(entity, maximumValueBytes: 1 << 20)
                .select(Query(filter: .compare(field: field, .equal, .int64(Int64(limit))), limit: limit))
            return try library.select(statement, a).statement
        }
        let first = try name(1, "number")
        #expect(try name(2, "number") === first)
        #expect(try name(1, "id").name != first.name)
        #expect(first.name.utf8.count < 16)
        // Also after the shape was forgotten, and in another process.
        let again = try StatementLibrary([entity], schema: "public", maximumStatements: 16).select(
            StatementBuilder(entity, maximumValueBytes: 1 << 20).select(
                Query(filter: .compare(field: "number", .equal, .int64(1)), limit: 1)), a)
        #expect(again.statement !== first && again.statement.isSame(as: first) && again.statement.name == first.name)
        var cache = RecentlyUsed<Int, Int>(maximumCount: 8)
        for number in 0..<1_000 {
            cache.insert(number, for: number)
            #expect(cache[0] == 0, "what is used is kept")
            #expect(cache.count <= 8)
        }
    }

    @Test("A value of another type than its column's, or no value, is refused before anything is sent")
    func mismatches() throws {
        let entity = makeItem()
        let library = StatementLibrary([entity], schema: "public", maximumStatements: 16)
        let shape = FilterShape.compare(column: 0, .equal, parameter: 0, orNull: false)
        for parameters in [[], [.value("x")], [.value(.null)], [.list([1])]] as [[Parameter]] {
            #expect(failure { _ = try library.remove(entity, shape, parameters, tenant("a")) }?.code == .typeMismatch)
        }
        #expect(failure { _ = try library.read(entity, keys: ["x"], tenant("a")) }?.code == .typeMismatch)
        #expect(failure { _ = try library.read(makeItem(), keys: [1], tenant("a")) }?.code == .entityNotRegistered)
    }
}
