import Coherence
import Tenancy
import TenancyCore
import TenancyIO
import TenancyTesting
import TestServers
import Testing

@testable import TenancyRedis

@Suite("Many readers and writers, two SDKs and one Redis", .serialized, .requires(.application))
struct RedisCoherenceTests {
    @Test("No read returns what was overwritten before it began", .timeLimit(.minutes(2)))
    func coherent() async throws {
        let (outcome, hits) = try await run(operations: 40_000, blockTime: .seconds(30)) { $0 }
        #expect(outcome.stale == 0)
        #expect(outcome.operations >= 40_000)
        #expect(outcome.refused == 0)
        #expect(hits > 4_000)
    }

    @Test("Nor while connections are killed", .timeLimit(.minutes(2)), .requires(.admin))
    func coherentThroughLosses() async throws {
        let admin = try await Administrator.ofServices()
        let name = uniqueName("coherence")
        let isOver = Locked(false)
        let killer = Task {
            var killed = 0
            while !isOver.withLock(\.self) {
                killed += try await admin.kill(clientsNamed: name)
                try await Task.sleep(for: .milliseconds(70))
            }
            return killed
        }
        let (outcome, _) = try await run(operations: 40_000, clientName: name) { $0 }
        isOver.withLock { $0 = true }
        #expect(try await killer.value > 2)
        #expect(outcome.stale == 0)
        #expect(outcome.refused > 0)
        await admin.close()
    }

    @Test("The same run finds a cache without fences", .timeLimit(.minutes(2)))
    func unfenced() async throws {
        var stale = 0
        for _ in 0..<10 where stale == 0 {
            stale += try await run(operations: 40_000) { Unfenced($0) }.outcome.stale
        }
        #expect(stale > 0)
    }

    private func run(
        operations: Int, clientName: String = uniqueName("coherence"), blockTime: Duration = .seconds(1),
        _ wrap: @Sendable (RedisCache) -> any CacheAdapter
    ) async throws -> (outcome: CoherenceRun.Outcome, hits: Int) {
        var configuration = try testConfiguration()
        configuration.clientName = clientName
        return try await CoherenceRun.run(configuration, operations: operations, blockTime: blockTime, wrap)
    }
}
