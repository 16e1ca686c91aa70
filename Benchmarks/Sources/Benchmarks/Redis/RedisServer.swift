#if Redis
    import Foundation
    import Tenancy
    import TenancyRedis

    /// The Redis server that the environment names, and names on it that are this run's.
    struct RedisServer {
        private static let variable = "TENANCY_TEST_REDIS_URL"

        let configuration: RedisConfiguration
        /// What the names begin with that the floors use.
        let prefix: String
        /// Whose names ours are.
        let tenant: TenantID

        /// Gives the body a server, and removes from it what the floors and the tenant have left.
        static func with<Value>(_ body: (RedisServer) async throws -> Value) async throws -> Value {
            let server = try RedisServer()
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(server)) } catch { outcome = .failure(error) }
            try await server.removeAll()
            return try outcome.get()
        }

        init() throws {
            guard let text = ProcessInfo.processInfo.environment[Self.variable], !text.isEmpty else {
                throw BenchmarkError(
                    "\(Self.variable) is not set, and this benchmark needs a Redis server. "
                        + "Run `scripts/services up redis` and `eval \"$(scripts/services env)\"`.")
            }
            configuration = try RedisConfiguration(url: text)
            let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
            prefix = "tenancy_bench_\(suffix):"
            tenant = try TenantID("bench-\(suffix)")
        }

        /// Gives the body a started adapter.
        func withCache<Value>(_ body: (RedisCache) async throws -> Value) async throws -> Value {
            let cache = try RedisCache(configuration)
            try await cache.start()
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(cache)) } catch { outcome = .failure(error) }
            await cache.shutDown()
            return try outcome.get()
        }

        /// Runs redis-benchmark with a command in which `__rand_int__` is a number below ``RedisExample/count``, for about
        /// a while.
        func benchmark(_ arguments: [String], _ command: [String], for duration: Duration) async throws -> Round {
            // It counts requests, and not time.
            let rate = try await benchmark(arguments, command, requests: 20_000).operationsPerSecond
            return try await benchmark(
                arguments, command, requests: max(20_000, Int(rate * (duration / .seconds(1)))))
        }

        private func benchmark(_ arguments: [String], _ command: [String], requests: Int) async throws -> Round {
            let output = try await Subprocess(name: "redis-benchmark").run(
                connection + ["--csv", "-n", String(requests), "-r", String(RedisExample.count)] + arguments + command)
            // The last line: the command and its rate, in quotes.
            let fields = output.text.split(separator: "\n").last?.split(separator: ",") ?? []
            guard fields.count > 1, let rate = Double(fields[1].filter { $0 != "\"" }), rate > 0 else {
                throw BenchmarkError("redis-benchmark told no rate: \(output.text.suffix(400))")
            }
            return Round(operations: requests, duration: .seconds(Double(requests) / rate), cpu: output.cpu)
        }

        private var connection: [String] {
            var arguments = ["-h", configuration.host, "-p", String(configuration.port)]
            arguments += ["--dbnum", String(configuration.database)]
            if let user = configuration.user { arguments += ["--user", user] }
            // A server for tests and benchmarks, whose password everybody may see.
            if let password = configuration.password { arguments += ["-a", password.reveal()] }
            return arguments
        }

        private func removeAll() async throws {
            try await withCache { _ = try await $0.flush(tenant) }
            let floor = try RedisFloor(self)
            try floor.remove()
        }
    }
#endif
