import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Locks in the cache")
struct CacheLockTests {
    @Test("One holds a lock until it is released or its time has passed, and fences grow")
    func holders() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        let first = try #require(try await cache.lock("job", for: .seconds(10)))
        #expect(try await cache.lock("job", for: .seconds(10)) == nil)
        #expect(try await stage.sdk.newTenant("DL").cache.lock("job", for: .seconds(10)) != nil)
        #expect(try await first.release())
        #expect(try await first.release() == false)
        let second = try #require(try await cache.lock("job", for: .seconds(10)))
        #expect(second.fence > first.fence)
        stage.clock.advance(by: .seconds(9))
        let renewed = try #require(try await second.renewed(for: .seconds(10)))
        #expect(renewed.fence == second.fence)
        #expect(renewed.heldUntil > second.heldUntil)
        stage.clock.advance(by: .seconds(9))
        #expect(try await cache.lock("job", for: .seconds(10)) == nil)
        stage.clock.advance(by: .seconds(1))
        let third = try #require(try await cache.lock("job", for: .seconds(10)))
        #expect(third.fence > second.fence)
        #expect(try await renewed.renewed(for: .seconds(10)) == nil)
        #expect(try await renewed.release() == false)
        #expect(try await cache.lock("job", for: .seconds(10)) == nil)
    }

    @Test("A fence is greater than those of the cache before it, of which nothing is left")
    func lostData() async throws {
        let tenant = try TenantID("UA")
        var last: Int64 = 0
        for _ in 0..<20 {
            let cache = try MemoryCache(maximumBytes: 1 << 20, clock: ManualClock())
            let command = CacheCommand.lock(CacheKey("job"), token: .random(), holdTime: .seconds(600))
            guard case .count(let fence) = try await cache.run([command], for: tenant).first else {
                Issue.record("a free lock was not given")
                return
            }
            #expect(fence > last)
            last = fence
            // The clock has microseconds.
            try await Task.sleep(for: .microseconds(10))
        }
    }

    @Test("Work under a lock is done by one at a time, and the lock is given back whatever happens")
    func withLock() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        let inside = Inside()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    try await cache.withLock("job", for: .seconds(60), waitingUpTo: .seconds(120)) { lock in
                        inside.enter(lock.fence)
                        try await Task.sleep(for: .milliseconds(1))
                        inside.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(inside.most == 1)
        #expect(inside.fences.count == 10)
        #expect(inside.fences == inside.fences.sorted())
        await #expect(throws: Stop.self) { try await cache.withLock("job", for: .seconds(60)) { _ in throw Stop() } }
        let cancelled = Task {
            try await cache.withLock("job", for: .seconds(60)) { _ in
                withUnsafeCurrentTask { $0?.cancel() }
                try Task.checkCancellation()
            }
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let lock = try #require(try await cache.lock("job", for: .seconds(60)))
        await expectError(.locked) { try await cache.withLock("job", for: .seconds(1)) { _ in } }
        await expectError(.locked) {
            try await cache.withLock("job", for: .seconds(1), waitingUpTo: .milliseconds(30)) { _ in }
        }
        let waiting = Task {
            try await cache.withLock("job", for: .seconds(1), waitingUpTo: .seconds(600)) { _ in }
        }
        waiting.cancel()
        await expectError(.cancelled) { try await waiting.value }
        #expect(try await lock.release())
    }

    @Test("Held locks are not dropped to make room, and ended ones take none")
    func room() async throws {
        let clock = ManualClock()
        let cache = try MemoryCache(maximumBytes: 64 << 10, shards: 1, clock: clock)
        let tenant = try TenantID("UA")
        func lock(_ name: String, _ time: Duration) -> CacheCommand {
            .lock(CacheKey(name), token: CacheToken(rawValue: 1), holdTime: time)
        }
        _ = try await cache.run([lock("held", .seconds(600))], for: tenant)
        for number in 0..<5_000 {
            _ = try await cache.run([lock("l\(number)", .milliseconds(1))], for: tenant)
            clock.advance(by: .milliseconds(1))
        }
        for number in 0..<200 {
            let value = [UInt8](repeating: 1, count: 1_000)
            _ = try await cache.run(
                [.set(CacheKey("k\(number)"), value, timeToLive: nil, condition: .always)], for: tenant)
        }
        #expect(cache.statistics().bytes <= 64 << 10)
        #expect(cache.statistics().entries > 20)
        let other = CacheCommand.lock(CacheKey("held"), token: CacheToken(rawValue: 2), holdTime: .seconds(1))
        #expect(try await cache.run([other], for: tenant) == [.busy])
    }
}

/// Who is inside at once.
private final class Inside: Sendable {
    private let state = Mutex<(now: Int, most: Int, fences: [Int64])>((0, 0, []))

    var most: Int { state.withLock(\.most) }
    var fences: [Int64] { state.withLock(\.fences) }

    func enter(_ fence: Int64) {
        state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
            state.fences.append(fence)
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}
