#if Postgres
    import Tenancy

    /// The SDK on a fresh database, with a table to measure.
    struct PostgresSDK {
        let server: PostgresServer
        let sdk: MultiTenantSDK

        /// Starts the SDK and stops it after the body.
        static func with<Value>(
            _ directory: Directory, _ entities: [any Entity.Type], _ body: (PostgresSDK) async throws -> Value
        ) async throws -> Value {
            try await PostgresServer.with(directory) { server in
                let sdk = try await MultiTenantSDK(config: server.configuration(entities))
                let outcome: Result<Value, any Error>
                do { outcome = .success(try await body(PostgresSDK(server: server, sdk: sdk))) } catch {
                    outcome = .failure(error)
                }
                await sdk.shutDown()
                return try outcome.get()
            }
        }

        /// Tenants whose ids are numbers, as pgbench's variables are.
        func handles(_ tenants: ClosedRange<Int>) async throws -> [TenantHandle] {
            var handles: [TenantHandle] = []
            for tenant in tenants {
                try await sdk.tenants.create(TenantID(String(tenant)), name: "Tenant \(tenant)")
                handles.append(try await sdk.tenant(String(tenant)))
            }
            return handles
        }
    }

    /// 100,000 reservations of 100 tenants, which point reads are measured with.
    struct PointReads {
        static let tenants = 100...199
        static let rowsPerTenant = 1_000

        private static let choose = """
            \\set tenant random(\(tenants.lowerBound), \(tenants.upperBound))
            \\set id random(1, \(rowsPerTenant))

            """
        private static func select(_ table: String) -> String {
            "SELECT \(Reservation.columns) FROM \(table) WHERE tenant_id = :tenant AND id = :id;\n"
        }

        /// One select by key, the tenant in its condition, of a table without row security.
        static let plain = choose + select("plain_reservations")
        /// What is usually done for row security: four round trips.
        static let usual =
            choose + "BEGIN;\nSELECT set_config('app.tenant_id', :tenant, true);\n" + select("reservations")
            + "COMMIT;\n"

        let bench: PostgresSDK
        let handles: [TenantHandle]

        init(_ bench: PostgresSDK) async throws {
            self.bench = bench
            handles = try await bench.handles(Self.tenants)
            try await bench.server.administer(Reservation.insert(tenants: Self.tenants, ids: Self.rowsPerTenant))
            try await bench.server.copyPlain("reservations")
        }

        /// Reads for a while, from many tasks at once.
        func read(_ workers: Workers, for duration: Duration) async throws -> Round {
            let handles = handles
            return try await workers.run(for: duration) { numbers in
                for number in numbers {
                    // Far apart, and the same in every run.
                    let mixed = Int(
                        truncatingIfNeeded: UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15 >> 32)
                    let id = mixed / handles.count % Self.rowsPerTenant + 1
                    let reservation = try await handles[mixed % handles.count].read(Reservation.self, id)
                    guard reservation?.id == id else { throw BenchmarkError("A record is missing.") }
                }
            }
        }

        func floor(_ name: String, _ script: String, clients: Int) -> Comparison.Floor {
            Comparison.Floor("\(name), \(clients) client\(clients == 1 ? "" : "s")") { [server = bench.server] in
                try await server.pgbench(script, clients: clients, duration: $0)
            }
        }

        static let plainName = "pgbench -M prepared, no row security"
        static let usualName = "pgbench -M prepared, BEGIN; set_config; SELECT; COMMIT"
    }
#endif
