import Foundation
import Logging
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// A sink that a test can make fail or hang.
private final class ProbeSink: AnalyticsSink {
    struct State {
        var offered: [UUID] = []
        var stored: [AnalyticsBatch] = []
        var failures = 0
        var isClosed = false
        var isWriting = false
        var overlaps = 0
    }

    let state = Mutex(State())
    let gate = Gate()
    var name: String { "probe" }
    var stored: [AnalyticsBatch] { state.withLock(\.stored) }
    var offered: [UUID] { state.withLock(\.offered) }
    var isClosed: Bool { state.withLock(\.isClosed) }
    var overlaps: Int { state.withLock(\.overlaps) }

    func write(_ batch: AnalyticsBatch) async throws(TenancyError) {
        let fails = state.withLock { state in
            state.offered.append(batch.id)
            if state.isWriting { state.overlaps += 1 }
            state.isWriting = true
            if state.failures > 0 { state.failures -= 1 } else { return false }
            return true
        }
        await gate.pass()
        state.withLock { $0.isWriting = false }
        if fails { throw TenancyError(.sinkUnavailable, "The sink is gone.") }
        state.withLock { state in
            if !state.stored.contains(where: { $0.id == batch.id }) { state.stored.append(batch) }
        }
    }

    func shutDown() async throws(TenancyError) { state.withLock { $0.isClosed = true } }
}

@Suite("AnalyticsRecorder")
struct RecorderTests {
    private let context: TenantContext

    init() throws { context = TenantContext(tenant: try TenantID("UA"), actor: "ann", correlationID: "7") }

    private func recorder(
        _ sinks: [ProbeSink], interval: Duration = .milliseconds(5), held: Int = 10_000, batch: Int = 500
    ) -> AnalyticsRecorder {
        var policy = AnalyticsRecorder.Policy()
        policy.flushInterval = interval
        policy.firstRetryDelay = .milliseconds(5)
        policy.maximumRetryDelay = .milliseconds(20)
        policy.maximumHeldEvents = held
        policy.batchSize = batch
        return AnalyticsRecorder(sinks, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, policy: policy)
    }

    private func event(_ number: Int) -> AnalyticsEvent { AnalyticsEvent(name: "\(number)", in: context) }

    private func waitUntil(_ condition: () -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(20)
        while !condition() {
            guard ContinuousClock.now < limit else { throw Stop() }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    @Test("Events arrive in batches, in order, once")
    func batches() async throws {
        let sink = ProbeSink()
        let recorder = recorder([sink], interval: .milliseconds(1), batch: 50)
        for number in 0..<1_234 { recorder.record(event(number)) }
        try await waitUntil { sink.stored.reduce(0) { $0 + $1.events.count } == 1_234 }
        #expect(sink.stored.allSatisfy { $0.events.count <= 50 })
        #expect(sink.stored.flatMap(\.events).map(\.name) == (0..<1_234).map(String.init))
        #expect(Set(sink.stored.map(\.id)).count == sink.stored.count)
        await recorder.shutDown(until: .now + .seconds(5))
        #expect(sink.isClosed && sink.overlaps == 0)
    }

    @Test("A sink that fails and recovers gets the same batch again, without a new event")
    func retry() async throws {
        let sink = ProbeSink()
        let other = ProbeSink()
        sink.state.withLock { $0.failures = 3 }
        let recorder = recorder([sink, other])
        recorder.record(event(1))
        try await waitUntil { sink.stored.count == 1 }
        #expect(sink.offered.count == 4 && Set(sink.offered).count == 1)
        #expect(other.offered == [sink.stored[0].id])
        await recorder.shutDown(until: .now + .seconds(5))
    }

    @Test("A sink that hangs holds up neither the others nor the end", .timeLimit(.minutes(1)))
    func hanging() async throws {
        let stuck = ProbeSink()
        let other = ProbeSink()
        stuck.gate.holdNext()
        let recorder = recorder([stuck, other])
        recorder.record(event(1))
        await stuck.gate.reached()
        recorder.record(event(2))
        try await waitUntil { other.stored.flatMap(\.events).count == 2 }
        let began = ContinuousClock.now
        await recorder.shutDown(until: began + .milliseconds(100))
        #expect(began.duration(to: .now) < .seconds(5))
        #expect(other.isClosed)
        stuck.gate.open()
    }

    @Test("The end hands over what is held, and nothing is taken after it")
    func end() async throws {
        let sink = ProbeSink()
        sink.state.withLock { $0.failures = 1 }
        let recorder = recorder([sink], interval: .seconds(3_600))
        for number in 0..<10 { recorder.record(event(number)) }
        #expect(sink.offered.isEmpty)
        await recorder.shutDown(until: .now + .seconds(5))
        // The one attempt at the end failed, which is told in the log; the sink is closed all the same.
        #expect(sink.offered.count <= 2 && sink.isClosed)
        recorder.record(event(99))
        await recorder.shutDown(until: .now + .seconds(5))
        #expect(!sink.stored.flatMap(\.events).contains { $0.name == "99" })
    }

    @Test("What is held is bounded, the first are kept, and delivery goes on")
    func bounded() async throws {
        let sink = ProbeSink()
        sink.gate.holdNext()
        let recorder = recorder([sink], interval: .milliseconds(1), held: 100, batch: 10)
        recorder.record(event(0))
        await sink.gate.reached()
        for number in 1...10_000 { recorder.record(event(number)) }
        try await Task.sleep(for: .milliseconds(50))
        sink.gate.open()
        recorder.record(event(20_000))
        await recorder.shutDown(until: .now + .seconds(5))
        let names = sink.stored.flatMap(\.events).compactMap { Int($0.name) }
        #expect(names.count <= 201 && names.prefix(50) == (0..<50).map { $0 }[...])
        #expect(names == names.sorted())
    }

    @Test("What a handle tracks carries its tenant, actor and request, and is flushed by the SDK's end")
    func track() async throws {
        let sink = ProbeSink()
        let sdk = try await MultiTenantSDK.make(analytics: [sink])
        _ = try await sdk.newTenant()
        let handle = try await sdk.tenant("UA", actor: "ann", correlationID: "7")
        try await handle.track("opened", ["page": .int(3)])
        await sdk.shutDown()
        let event = try #require(sink.stored.flatMap(\.events).first)
        #expect(event.name == "opened" && event.tenant == handle.id && event.actor == "ann")
        #expect(event.correlationID == "7" && event.properties == JSON(.object(["page": .int(3)])))
        await expectError(.shutDown) { try await handle.track("late") }
        #expect(sink.isClosed)
    }
}
