import Dispatch
import Synchronization
import Tenancy
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

/// Stands in for the global pool, and counts what it is given: the first job of a task, and each return to it.
private final class CountingPool: TaskExecutor {
    private let count = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "hops", attributes: .concurrent)

    var jobs: Int { count.load(ordering: .acquiring) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        count.add(1, ordering: .acquiringAndReleasing)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

private struct Hop: Entity {
    var id: Int64
    var value: Int64

    static let schema = EntitySchema(
        "hops", Hop.init(id:value:), .key("id", \.id), .field("value", \.value), indexes: [.on(\.value)])
}

/// Changes of thread, which are most of what a small request costs.
@Suite("Changes of thread", .serialized, .requires(.application))
struct HopTests {
    private typealias Operation = @Sendable (TenantHandle, Int) async throws -> Void

    /// What happened on the way, for each call.
    private struct Hops: CustomStringConvertible {
        /// Onto a reactor, from another thread.
        var on = 0.0
        /// Back to the pool.
        var off = 0.0
        /// Pieces of work that the reactors ran.
        var jobs = 0.0

        var description: String { "\(on) on, \(off) off, \(jobs) jobs a call" }
    }

    private static let calls = 1_000
    /// The start of the task, and what an SDK asks for now and then on its own: is the tenant still active?
    private static let beside = 10.0 / Double(calls)

    /// Runs a body with an SDK whose reactors nobody else uses.
    private func withSDK<Result>(
        reactors count: Int = 1, _ body: (MultiTenantSDK, TenantHandle, ReactorGroup) async throws -> Result
    ) async throws -> Result {
        let reactors = try ReactorGroup(name: "hops", count: count)
        let configuration = try TestSchemas.shared.configuration()
        let source = DatabaseSource(name: "postgres") { environment throws(TenancyError) in
            try PostgresAdapter(configuration, name: "postgres", environment, reactors: reactors)
        }
        let sdk = try await MultiTenantSDK(config: SDKConfig(database: source, entities: [Hop.self]))
        try await sdk.tenants.create(tenant("hop"), name: "hop")
        let handle = try await sdk.tenant(tenant("hop"))
        try await handle.bulkCreate((1...100).map { Hop(id: $0, value: $0) })
        let result = try await body(sdk, handle, reactors)
        await sdk.shutDown()
        await reactors.stop()
        return result
    }

    private func count(
        _ handle: TenantHandle, _ reactors: ReactorGroup, on executor: (any TaskExecutor)? = nil,
        _ operation: @escaping Operation
    ) async throws -> Hops {
        func total(_ path: KeyPath<ReactorMetrics, Int>) -> Int {
            reactors.reactors.map { $0.metrics[keyPath: path] }.reduce(0, +)
        }
        let pool = CountingPool()
        // Connections, statements and the tenant's record are there afterwards.
        for number in 0..<10 { try await operation(handle, number) }
        try await Task.sleep(for: .milliseconds(50))
        let before = (on: total(\.arrivals), off: pool.jobs, jobs: total(\.jobs))
        try await Task(executorPreference: executor ?? pool) {
            for number in 0..<Self.calls { try await operation(handle, number) }
        }.value
        // A turn's count is published at its end.
        try await Task.sleep(for: .milliseconds(50))
        func each(_ count: Int) -> Double { Double(count) / Double(Self.calls) }
        return Hops(
            on: each(total(\.arrivals) - before.on), off: each(pool.jobs - before.off),
            jobs: each(total(\.jobs) - before.jobs))
    }

    private static let read: Operation = { handle, number in
        let hop = try await handle.read(Hop.self, Int64(number % 100 + 1))
        #expect(hop != nil)
    }
    private static let query: Operation = { handle, number in
        let value = Int64(number % 100 + 1)
        let hops = try await handle.query(Hop.self).where { $0.value == value }.limit(5).all()
        #expect(hops.count == 1)
    }
    private static let aggregate: Operation = { handle, _ in
        let count = try await handle.query(Hop.self).count()
        #expect(count == 100)
    }
    private static let update: Operation = { handle, number in
        try await handle.update(Hop(id: Int64(number % 100 + 1), value: Int64(number % 100 + 1)))
    }
    /// Three round trips: the first statement brings the beginning along.
    private static let transaction: Operation = { handle, number in
        try await handle.transaction { inside in
            for _ in 0..<2 { try await read(inside, number) }
        }
    }

    @Test("A call from the pool goes onto a reactor once and off once, a transaction with each round trip")
    func fromThePool() async throws {
        try await withSDK(reactors: 2) { _, handle, reactors in
            for operation in [Self.read, Self.query, Self.aggregate, Self.update] {
                let hops = try await count(handle, reactors, operation)
                #expect((1...1 + Self.beside).contains(hops.on), "\(hops)")
                // None, if the answer is there before the task is suspended.
                #expect(hops.off <= 1 + Self.beside, "\(hops)")
            }
            let hops = try await count(handle, reactors, Self.transaction)
            #expect((3...3 + Self.beside).contains(hops.on), "\(hops)")
            #expect(hops.off <= 3 + Self.beside, "\(hops)")
        }
    }

    @Test("A read by a task on the SDK's executor changes threads never, and is resumed once")
    func fromTheReactor() async throws {
        try await withSDK(reactors: 2) { sdk, handle, reactors in
            for executor in [sdk.executor, sdk.executor(for: handle.id)] {
                for operation in [Self.read, Self.query] {
                    let hops = try await count(handle, reactors, on: executor, operation)
                    #expect(hops.on <= Self.beside, "\(hops)")
                    #expect((1...1 + Self.beside).contains(hops.jobs), "\(hops)")
                }
            }
        }
    }

    @Test("Nor does a write or a transaction whose connection is on the same reactor")
    func onOneReactor() async throws {
        try await withSDK { sdk, handle, reactors in
            for operation in [Self.aggregate, Self.update] {
                let hops = try await count(handle, reactors, on: sdk.executor, operation)
                #expect(hops.on <= Self.beside, "\(hops)")
                #expect((1...1 + Self.beside).contains(hops.jobs), "\(hops)")
            }
            let hops = try await count(handle, reactors, on: sdk.executor, Self.transaction)
            #expect(hops.on <= Self.beside, "\(hops)")
        }
    }
}
