import Tenancy
import TenancyCore
import TenancyTesting
import Testing

@testable import TenancyPostgres

private struct Order: Entity, Equatable {
    var id: Int64
    var text: String

    static let schema = EntitySchema(
        "orders", Order.init(id:text:), .key("id", \.id), .field("text", \.text))
}

/// `.supabase` on a server with Supabase's roles and functions; beside it, what requests through Supabase's own API see.
@Suite(
    "Supabase's conventions", .serialized, .enabled(if: OwnServer.binaries != nil), .timeLimit(.minutes(5)))
struct SupabaseTests {
    private func withSDK(
        _ server: SupabaseServer, _ body: (_ a: TenantHandle, _ b: TenantHandle) async throws -> Void
    ) async throws {
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: server.source(schema: "public"), entities: [Order.self]))
        for name in ["a", "b"] { try await sdk.tenants.create(tenant(name), name: name) }
        let (a, b) = (try await sdk.tenant(tenant("a")), try await sdk.tenant(tenant("b")))
        for handle in [a, b] {
            try await handle.bulkCreate((1...3).map { Order(id: $0, text: "\(handle.id)'s") })
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(a, b)) } catch { outcome = .failure(error) }
        await sdk.shutDown()
        try outcome.get()
    }

    @Test("Tenants are isolated by every case of the suite")
    func isolation() async throws {
        let server = try await SupabaseServer.start()
        let suite = IsolationSuite(name: "Supabase") { try server.source(schema: uniqueName("shop")) }
        for testCase in IsolationSuite.cases { try await suite.check(testCase) }
    }

    @Test("A request through the API sees the rows of the tenant that its token claims, and no claim is none")
    func claims() async throws {
        let server = try await SupabaseServer.start()
        try await withSDK(server) { (_, _) async throws in
            func count(_ role: String, _ claims: String?) async throws -> String {
                let rows = try await server.request(
                    as: role, claims: claims, "SELECT count(*) || ' ' || coalesce(min(text), '') FROM public.orders")
                return rows[0][0]
            }
            #expect(try await count("authenticated", #"{"tenant_id": "a", "role": "authenticated"}"#) == "3 a's")
            #expect(try await count("authenticated", #"{"tenant_id": "b"}"#) == "3 b's")
            // As JSON has it, the last of two counts.
            #expect(try await count("authenticated", #"{"tenant_id": "b", "tenant_id": "a"}"#) == "3 a's")
            for forged in [
                nil, "", "{}", #"{"tenant_id": null}"#, #"{"tenant_id": ""}"#, #"{"tenant_id": ["a"]}"#,
                #"{"tenant_id": {"tenant_id": "a"}}"#, #"{"tenant_id": "A"}"#, #"{"tenant_id": "a "}"#,
                #"{"tenant_id": "%"}"#, #"{"tenant_id": "a' OR true --"}"#, #"{"tenant_id": true}"#,
                // What users may change themselves.
                #"{"user_metadata": {"tenant_id": "a"}}"#, #"{"sub": "a", "role": "service_role"}"#,
            ] {
                for role in ["authenticated", "anon"] {
                    #expect(try await count(role, forged) == "0 ", "\(role) \(forged ?? "without claims")")
                }
            }
        }
    }

    @Test("Whoever is one tenant writes nothing that is another's")
    func writes() async throws {
        let server = try await SupabaseServer.start()
        try await withSDK(server) { (a, b) async throws in
            let claims = #"{"tenant_id": "a"}"#
            for query in [
                "INSERT INTO public.orders (tenant_id, id, text) VALUES ('b', 9, 'forged')",
                "UPDATE public.orders SET tenant_id = 'b', id = id + 100",
            ] {
                let error = await failureOf {
                    _ = try await server.request(as: "authenticated", claims: claims, query)
                }
                #expect(error?.details.backendCode == "42501", "\(query)")
            }
            for query in [
                "UPDATE public.orders SET text = 'forged' WHERE tenant_id = 'b'",
                "DELETE FROM public.orders WHERE tenant_id = 'b'",
            ] {
                #expect(try await server.request(as: "authenticated", claims: claims, query) == [["0"]], "\(query)")
            }
            // Its own rows it may write, and the SDK sees it.
            let query = "UPDATE public.orders SET text = 'changed' WHERE id = 1"
            #expect(try await server.request(as: "authenticated", claims: claims, query) == [["1"]])
            #expect(try await a.read(Order.self, 1)?.text == "changed")
            #expect(try await b.query(Order.self).sorted(by: \.id).all().map(\.text) == ["b's", "b's", "b's"])
        }
    }

    @Test("Claims that are left on a connection, of the old kind or the new, are not the SDK's")
    func leftovers() async throws {
        let server = try await SupabaseServer.start()
        // Each session of the login begins as if another client of the pooler had left it so.
        for setting in ["request.jwt.claim", "request.jwt.claims"] {
            try await server.execute(
                "ALTER ROLE \(SupabaseServer.login) SET \"\(setting)\" = '{\"tenant_id\": \"b\", \"role\": \"anon\"}'")
        }
        try await withSDK(server) { (a, b) async throws in
            #expect(try await a.read(Order.self, 1) == Order(id: 1, text: "a's"))
            #expect(try await b.read(Order.self, 1) == Order(id: 1, text: "b's"))
            try await a.transaction { inside in
                try await inside.update(Order(id: 1, text: "changed"))
                let all = try await inside.query(Order.self).sorted(by: \.id).all()
                #expect(all.map(\.text) == ["changed", "a's", "a's"])
            }
            var texts: [String] = []
            for try await order in try await a.query(Order.self).sorted(by: \.id).stream(batchSize: 1) {
                texts.append(order.text)
            }
            #expect(texts == ["changed", "a's", "a's"])
            #expect(try await b.query(Order.self).sorted(by: \.id).all().map(\.text) == ["b's", "b's", "b's"])
        }
    }

    @Test("A login that could be above policies, or that is not authenticated, is refused")
    func logins() async throws {
        let server = try await SupabaseServer.start()
        func start() async -> TenancyError? {
            await failureOf {
                let sdk = try await MultiTenantSDK(
                    config: SDKConfig(database: server.source(schema: "public"), entities: [Order.self]))
                await sdk.shutDown()
            }
        }
        #expect(await start() == nil)
        try await server.execute("ALTER ROLE authenticated BYPASSRLS")
        #expect(await start()?.code == .isolationUnproven)
        try await server.execute("ALTER ROLE authenticated NOBYPASSRLS; GRANT service_role TO authenticated")
        #expect(await start()?.code == .isolationUnproven)
        try await server.execute("REVOKE service_role FROM authenticated")
        #expect(await start() == nil)
        try await server.execute("CREATE POLICY open ON public.orders FOR SELECT TO authenticated USING (true)")
        #expect(await start()?.code == .isolationUnproven)
        try await server.execute(
            "DROP POLICY open ON public.orders; REVOKE authenticated FROM \(SupabaseServer.login)")
        #expect(await start() != nil)
    }
}
