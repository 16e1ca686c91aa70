import TenancyCore
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: where reads go")
struct ReplicaRouterTests {
    private let a = tenant("a")
    private let b = tenant("b")
    private let second: UInt64 = 1_000_000_000
    private func relaxed(_ seconds: Int) -> ReadConsistency { .relaxed(maximumStaleness: .seconds(seconds)) }

    private func router(_ replicas: Int = 1, maximumTenants: Int = 100) -> ReplicaRouter {
        var router = ReplicaRouter(
            replicas: replicas, maximumLag: 10 * second, maximumTenants: maximumTenants, start: 0)
        for replica in 0..<replicas { router.replicaAdmitted(replica) }
        return router
    }

    @Test("Nothing goes to a replica of which nothing is known, and strong reads never do")
    func unknown() {
        var router = router()
        #expect(router.route(a, relaxed(5), now: second)?.replica == nil)
        router.replicaObserved(0, replayed: 100, on: 1)
        #expect(router.route(a, relaxed(5), now: second)?.replica == nil)
        router.primaryObserved(100, on: 1, askedAt: second)
        router.replicaObserved(0, replayed: 100, on: 1)
        #expect(router.route(a, relaxed(5), now: 2 * second)?.replica == 0)
        #expect(router.route(a, .strong, now: 2 * second)?.replica == nil)
    }

    @Test("An idle primary is no lag, and a replica that stands still is one")
    func lag() {
        var router = router()
        for tick in 1...100 {
            router.primaryObserved(100, on: 1, askedAt: UInt64(tick) * second)
            router.replicaObserved(0, replayed: 100, on: 1)
        }
        #expect(router.route(a, relaxed(1), now: 101 * second)?.replica == 0)
        for tick in 101...104 {
            router.primaryObserved(100 + UInt64(tick), on: 1, askedAt: UInt64(tick) * second)
            router.replicaObserved(0, replayed: 100, on: 1)
        }
        #expect(router.route(a, relaxed(3), now: 104 * second)?.replica == nil)
        #expect(router.route(a, relaxed(5), now: 104 * second)?.replica == 0)
        // The configuration's bound holds whatever a read asks for.
        #expect(router.route(a, relaxed(1_000), now: 111 * second)?.replica == nil)
        #expect(router.route(a, .relaxed(maximumStaleness: .seconds(Int64.max)), now: 111 * second)?.replica == nil)
        router.replicaObserved(0, replayed: 1_000, on: 1)
        #expect(router.route(a, relaxed(8), now: 111 * second)?.replica == 0)
    }

    @Test("After a write a tenant stays on the primary until the replica has replayed it; others don't")
    func ownWrites() {
        var router = router()
        router.primaryObserved(100, on: 1, askedAt: second)
        router.replicaObserved(0, replayed: 100, on: 1)
        router.wrote(a, at: 2 * second)
        #expect(router.route(a, relaxed(5), now: 3 * second)?.replica == nil)
        #expect(router.route(b, relaxed(5), now: 3 * second)?.replica == 0)
        router.primaryObserved(200, on: 1, askedAt: 3 * second)
        router.replicaObserved(0, replayed: 199, on: 1)
        #expect(router.route(a, relaxed(5), now: 4 * second)?.replica == nil)
        router.replicaObserved(0, replayed: 200, on: 1)
        #expect(router.route(a, relaxed(5), now: 4 * second)?.replica == 0)
    }

    @Test("A lost replica gets nothing until it answers again, and several take turns")
    func several() {
        var router = router(3)
        router.primaryObserved(100, on: 1, askedAt: second)
        for replica in 0..<3 { router.replicaObserved(replica, replayed: 100, on: 1) }
        #expect((0..<6).map { _ in router.route(a, relaxed(5), now: second)?.replica } == [0, 1, 2, 0, 1, 2])
        router.replicaLost(1)
        #expect((0..<4).map { _ in router.route(a, relaxed(5), now: second)?.replica } == [0, 2, 0, 2])
        router.replicaObserved(1, replayed: 100, on: 1)
        #expect(!(0..<4).contains { _ in router.route(a, relaxed(5), now: second)?.replica == 1 })
    }

    @Test("What is older than the start must be there, so that no replica without policies is read from")
    func start() {
        var router = ReplicaRouter(replicas: 1, maximumLag: 100 * second, start: 10 * second)
        router.primaryObserved(100, on: 1, askedAt: 9 * second)
        router.replicaObserved(0, replayed: 100, on: 1)
        #expect(!router.hasStart(0))
        router.replicaAdmitted(0)
        #expect(router.route(a, relaxed(50), now: 11 * second)?.replica == nil)
        router.primaryObserved(100, on: 1, askedAt: 11 * second)
        router.replicaObserved(0, replayed: 100, on: 1)
        #expect(router.route(a, relaxed(50), now: 11 * second)?.replica == 0)
    }

    @Test("What is known of another primary's log is void, and replicas count when they are on its timeline")
    func failover() {
        var router = router(2)
        router.primaryObserved(1_000, on: 1, askedAt: second)
        for replica in 0..<2 { router.replicaObserved(replica, replayed: 1_000, on: 1) }
        router.primaryObserved(500, on: 1, askedAt: 2 * second)
        #expect(router.route(a, relaxed(5), now: 2 * second) == nil)
        for replica in 0..<2 { router.replicaObserved(replica, replayed: 1_000, on: 1) }
        #expect(router.route(a, relaxed(5), now: 2 * second) != nil)
        // Further than the old one came, so that positions alone would not tell.
        router.primaryObserved(2_000, on: 2, askedAt: 3 * second)
        #expect(router.route(a, relaxed(5), now: 3 * second) == nil)
        router.replicaObserved(0, replayed: 9_000, on: 1)
        router.replicaObserved(1, replayed: 1_999, on: 2)
        #expect(router.route(a, relaxed(5), now: 3 * second) == nil)
        router.replicaObserved(1, replayed: 2_000, on: 2)
        #expect(router.route(a, relaxed(5), now: 3 * second) == .init(replica: 1, position: 2_000))
        #expect(router.route(a, relaxed(5), now: 3 * second)?.replica == 1)
    }

    @Test("A replica that has gone back is not taken for what it was")
    func back() {
        var router = router()
        router.primaryObserved(100, on: 1, askedAt: second)
        router.primaryObserved(200, on: 1, askedAt: 2 * second)
        router.replicaObserved(0, replayed: 200, on: 1)
        router.wrote(a, at: second)
        // The least that will do, so that a read that gets to another server than was asked fails as rarely as it can.
        #expect(router.route(b, relaxed(5), now: 3 * second) == .init(replica: 0, position: 100))
        #expect(router.route(a, relaxed(5), now: 3 * second) == .init(replica: 0, position: 200))
        router.replicaObserved(0, replayed: 150, on: 1)
        #expect(router.route(b, relaxed(5), now: 3 * second)?.position == 100)
        #expect(router.route(a, relaxed(5), now: 3 * second) == nil)
    }

    @Test("Random histories with few remembered tenants: no read misses its tenant's own write or is too old")
    func random() {
        for seed in 0..<200 {
            var random = SplitMix(state: UInt64(seed))
            var router = router(2, maximumTenants: 4)
            let tenants = (0..<12).map { tenant("t\($0)") }
            var (now, position): (UInt64, UInt64) = (1, 1)
            var writes: [(tenant: TenantID, time: UInt64, position: UInt64)] = []
            var replayed: [UInt64] = [0, 0]
            var sent = 0
            for _ in 0..<600 {
                now += UInt64.random(in: 1...second, using: &random)
                let index = Int.random(in: 0..<2, using: &random)
                switch Int.random(in: 0..<12, using: &random) {
                case 0...1:
                    position += UInt64.random(in: 1...10, using: &random)
                    let tenant = tenants[Int.random(in: 0..<tenants.count, using: &random)]
                    writes.append((tenant, now, position))
                    router.wrote(tenant, at: now)
                case 2...4: router.primaryObserved(position, on: 1, askedAt: now)
                case 5...8:
                    replayed[index] = min(position, replayed[index] + UInt64.random(in: 0...40, using: &random))
                    router.replicaObserved(index, replayed: replayed[index], on: 1)
                    if router.hasStart(index) { router.replicaAdmitted(index) }
                case 9 where Int.random(in: 0..<5, using: &random) == 0: router.replicaLost(index)
                default:
                    let tenant = tenants[Int.random(in: 0..<tenants.count, using: &random)]
                    let bound = Int.random(in: 0...12, using: &random)
                    guard let route = router.route(tenant, relaxed(bound), now: now) else { continue }
                    sent += 1
                    #expect(route.position <= replayed[route.replica])
                    for write in writes where write.position > route.position {
                        #expect(write.tenant != tenant)
                        #expect(write.time + UInt64(min(bound, 10)) * second >= now)
                    }
                }
                #expect(router.tenantCount <= 4)
            }
            #expect(sent > 0)
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
    }
}
