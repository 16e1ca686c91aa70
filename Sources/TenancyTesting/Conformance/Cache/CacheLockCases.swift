import Foundation
import Synchronization
import TenancyCore

// Locks, and the fences that outlive them.
extension CacheConformance {
    static func addLockCases(_ list: inout CacheCaseList) {
        let (one, two) = (CacheToken(rawValue: 1), CacheToken(rawValue: .max))
        let name = CacheKey("lock")
        let long = Duration.seconds(600)
        list.begin("locks")
        list.add("one holds it, and others don't until it is given back") { t in
            let first = try await t.fence(name, one)
            try await t.expect(
                (.lock(name, token: two, holdTime: long), .busy), (.unlock(name, token: two), .refused),
                (.renew(name, token: two, holdTime: long), .refused), (.renew(name, token: one, holdTime: long), .done),
                (.unlock(name, token: one), .done), (.unlock(name, token: one), .refused),
                (.renew(name, token: one, holdTime: long), .refused))
            let second = try await t.fence(name, two)
            t.expect(second > first, "the second fence, \(second), is not greater than the first, \(first)")
        }
        list.add("the holder that takes it again has the same fence") { t in
            let first = try await t.fence(name, one)
            t.expectEqual(try await t.fence(name, one), first, "fence")
            try await t.expect((.unlock(name, token: one), .done), (.unlock(name, token: one), .refused))
        }
        list.add("a lock ends with its time, and the next fence is greater") { t in
            let first = try await t.fence(name, one, t.moment)
            try await t.pass(t.moment * 2)
            try await t.expect(
                (.renew(name, token: one, holdTime: long), .refused), (.unlock(name, token: one), .refused))
            let second = try await t.fence(name, two)
            t.expect(second > first, "the fence after the end, \(second), is not greater than \(first)")
            try await t.expect(
                (.renew(name, token: one, holdTime: long), .refused), (.unlock(name, token: one), .refused),
                (.lock(name, token: one, holdTime: long), .busy), (.unlock(name, token: two), .done))
        }
        list.add("a lock that is renewed lasts longer, and one that is taken again no shorter") { t in
            _ = try await t.fence(name, one, t.moment)
            let other = CacheKey("other")
            _ = try await t.fence(other, one)
            _ = try await t.fence(other, one, t.moment)
            try await t.expect((.renew(name, token: one, holdTime: long), .done))
            try await t.pass(t.moment * 2)
            try await t.expect(
                (.lock(name, token: two, holdTime: long), .busy), (.lock(other, token: two, holdTime: long), .busy))
        }
        list.add("a lock and a value of the same key are two things, and a flush leaves the lock") { t in
            let fence = try await t.fence(name, one)
            try await t.expect(
                (.get(name), .absent), (.set(name, "x"), .done), (.get(name), .text("x")), (.block(name, two), .done),
                (.unblock(name, two), .done), (.lookUp(name, two), .leased), (.delete(name), .count(0)))
            _ = try await t.cache.flush(try t.tenant())
            t.expectEqual(try await t.fence(name, one), fence, "fence after a flush")
            try await t.expect((.lock(name, token: two, holdTime: long), .busy))
        }
        list.add("a lock of one tenant is not another's") { t in
            _ = try await t.fence(name, one)
            _ = try await t.fence(name, two, of: "b")
            try await t.expect((.unlock(name, token: one), .refused), of: "b")
            try await t.expect((.unlock(name, token: one), .done))
        }
        list.add("of many who try at once one holds it at a time, and fences grow") { t in
            let tenant = try t.tenant()
            let record = LockRecord()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let token = CacheToken(rawValue: UInt64(number) + 10)
                        for _ in 0..<10 {
                            let replies = try? await t.cache.run(
                                [.lock(name, token: token, holdTime: long)], for: tenant)
                            guard case .count(let fence) = replies?.first else { continue }
                            t.expectEqual(record.enter(fence), 0, "other holders")
                            await Task.yield()
                            record.leave()
                            let reply = try? await t.cache.run([.unlock(name, token: token)], for: tenant)
                            t.expectEqual(reply, [.done], "giving back")
                        }
                    }
                }
            }
            let fences = record.fences
            t.expect(!fences.isEmpty, "nobody held the lock")
            t.expect(zip(fences, fences.dropFirst()).allSatisfy { $0 < $1 }, "fences do not grow")
        }
    }
}

extension CacheCaseContext {
    /// Takes a lock that must be free; returns its fence.
    fileprivate func fence(
        _ name: CacheKey, _ token: CacheToken, _ time: Duration = .seconds(600), of tenant: String = "a"
    ) async throws -> Int64 {
        let reply = try await run(.lock(name, token: token, holdTime: time), tenant)
        guard case .count(let fence) = reply else {
            fail("a free lock: \(reply)")
            return 0
        }
        return fence
    }
}

/// Who holds a lock, and the fences in the order in which they were given.
private final class LockRecord: Sendable {
    private let state = Mutex<(holders: Int, fences: [Int64])>((0, []))

    var fences: [Int64] { state.withLock(\.fences) }

    /// - Returns: How many hold the lock already.
    func enter(_ fence: Int64) -> Int {
        state.withLock { state in
            defer { state.holders += 1 }
            state.fences.append(fence)
            return state.holders
        }
    }

    func leave() { state.withLock { $0.holders -= 1 } }
}
