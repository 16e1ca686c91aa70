import Tenancy

/// Finds one value in the cache in memory, as the layers above it do: through `any CacheAdapter`.
enum CacheMemoryHit: Benchmark {
    static let name = "cache-memory-hit"

    static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
        let example = try CacheExample()
        let cache: any CacheAdapter = try MemoryCache(maximumBytes: 64 << 20)
        try await cache.start()
        for (key, tenant) in zip(example.keys, example.tenants) {
            _ = try await cache.run(
                [.set(key, example.value, timeToLive: .seconds(3_600), condition: .always)], for: tenant)
        }
        let comparison = Comparison(name: name, tasks: 1, seconds: seconds)
        let workers = Workers(tasks: 1, block: 64)
        let result = try await comparison.run(floor: LockedDictionary.floor) { duration in
            try await workers.run(for: duration) { numbers in
                for number in numbers {
                    let position = CacheExample.position(number)
                    let replies = try await cache.run([.get(example.keys[position])], for: example.tenants[position])
                    guard case .value = replies[0] else { throw BenchmarkError("A value is missing.") }
                }
            }
        } theirs: {
            try await example.dictionary.read(for: $0)
        }
        await cache.shutDown()
        return [result]
    }
}
