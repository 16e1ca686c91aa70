#if Redis
    import Tenancy
    import TenancyRedis

    /// What Redis is measured with: values of 256 bytes, under our names and under the floors'.
    struct RedisExample {
        /// A power of two, as ``CacheExample/position(_:)`` wants it.
        static let count = CacheExample.count
        static let valueLength = 256
        static let value = [UInt8](repeating: 7, count: valueLength)

        let server: RedisServer
        let cache: RedisCache
        let floor: RedisFloor
        let keys = (0..<count).map { CacheKey("\($0)") }

        /// Gives the body a cache and a floor whose values are all there.
        static func with<Value>(_ body: (RedisExample) async throws -> Value) async throws -> Value {
            try await RedisServer.with { server in
                try await server.withCache { cache in
                    let example = RedisExample(server: server, cache: cache, floor: try RedisFloor(server))
                    try example.floor.fill()
                    try await example.fill()
                    return try await body(example)
                }
            }
        }

        private func fill() async throws {
            for start in stride(from: 0, to: keys.count, by: 256) {
                let commands = keys[start..<min(start + 256, keys.count)].map { Self.set($0) }
                guard try await cache.run(commands, for: server.tenant).allSatisfy({ $0 == .done }) else {
                    throw BenchmarkError("A value was not stored.")
                }
            }
        }

        static func set(_ key: CacheKey) -> CacheCommand {
            .set(key, value, timeToLive: .seconds(3_600), condition: .always)
        }

        /// Where tasks run.
        var executors: [Executor] { Executor.all(cache.preferredExecutor(for: server.tenant)) }

        /// Gets one value at a time.
        func get(_ workers: Workers, for duration: Duration) async throws -> Round {
            let (cache, keys, tenant) = (cache as any CacheAdapter, keys, server.tenant)
            return try await workers.run(for: duration) { numbers in
                for number in numbers {
                    let replies = try await cache.run([.get(keys[CacheExample.position(number)])], for: tenant)
                    guard case .value(let value) = replies[0], value.count == Self.valueLength else {
                        throw BenchmarkError("A value is missing.")
                    }
                }
            }
        }
    }
#endif
