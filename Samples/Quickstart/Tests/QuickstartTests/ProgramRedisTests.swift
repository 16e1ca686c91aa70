#if Redis
    import Foundation
    import Logging
    import Tenancy
    import TenancyRedis
    import Testing

    @testable import Quickstart

    /// The built program on a real server, whose address comes from `scripts/services env redis`; one run at a time, because
    /// all have the same tenants.
    @Suite(.serialized, .enabled(if: Server.isThere, "TENANCY_TEST_REDIS_URL is not set"))
    struct ProgramRedisTests {
        @Test("With Redis the same claims are true, whatever an earlier run has left, and the entries are removed")
        func sample() async throws {
            try await Server.leaveEntries()
            #expect(try await Server.removeEntries() > 0)
            try await Server.leaveEntries()
            let place = try Place()
            let outcome = try await Program(["--json", "--cache", Server.address()], in: place).outcome()
            #expect(outcome.code == 0)
            #expect(outcome.errors.isEmpty)
            #expect(outcome.lines.count { $0.hasPrefix("  ✓ ") } == 41)
            let json = try outcome.json()
            #expect(json["ok"] as? Bool == true)
            #expect(json["hit_rate"] as? Double == 0.9)
            #expect(json["cache"] as? String == "redis")
            #expect(try await Server.removeEntries() == 0)
        }

        @Test("An interrupted run leaves no entries")
        func interrupted() async throws {
            let place = try Place()
            let program = try Program(["--json", "--cache", Server.address()], in: place)
            // By then much was written and read.
            try await program.prints("Reads through the cache")
            program.send(SIGINT)
            let outcome = try await program.outcome()
            // The run may have come to its end before it heard of it.
            #expect([0, 128 + SIGINT].contains(outcome.code))
            #expect(try await Server.removeEntries() == 0)
        }

        @Test("A cache that is not there is an error that shows no password, and nothing is loaded")
        func absent() async throws {
            let place = try Place()
            for address in ["redis://app:s3cret@127.0.0.1:1/0", "redis://app:s3cret@127.0.0.1:x/0"] {
                let outcome = try await Program(["--json", "--cache", address], in: place).outcome()
                #expect(outcome.code == 1)
                #expect(!outcome.output.contains("Loading"))
                #expect(!(outcome.errors + outcome.output).contains("s3cret"))
                #expect(place.leftovers.isEmpty)
            }
        }
    }

    private enum Server {
        private static let environment = ProcessInfo.processInfo.environment

        static var isThere: Bool { environment["TENANCY_TEST_REDIS_URL"] != nil || environment["CI"] == "true" }

        static func address() throws -> String { try #require(environment["TENANCY_TEST_REDIS_URL"]) }

        /// Removes what is cached of the airlines; returns how many entries that were.
        static func removeEntries() async throws -> Int {
            try await withCache { cache, tenants in
                var removed = 0
                for tenant in tenants { removed += try await cache.flush(tenant) }
                return removed
            }
        }

        /// Stores what no reader understands under names that a run asks for.
        static func leaveEntries() async throws {
            try await withCache { cache, tenants in
                for tenant in tenants {
                    _ = try await cache.run(
                        [.set(CacheKey("g:flights"), [1, 2, 3], timeToLive: .seconds(60), condition: .always)],
                        for: tenant)
                }
            }
        }

        private static func withCache<Value>(
            _ body: (any CacheAdapter, [TenantID]) async throws -> Value
        ) async throws -> Value {
            let cache = try CacheSource.redis(url: address()).make(
                AdapterEnvironment(logger: Logger(label: "quickstart-tests")))
            try await cache.start()
            do {
                let tenants = try RowTable<Airline>(.sample).rows.keys.map { try TenantID($0) }
                let value = try await body(cache, tenants)
                await cache.shutDown()
                return value
            } catch {
                await cache.shutDown()
                throw error
            }
        }
    }
#endif
