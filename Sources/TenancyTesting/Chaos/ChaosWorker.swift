import Foundation
import Tenancy
import TenancyCore

/// One tenant at work: one operation after another, each checked against the tenant's model.
struct ChaosWorker {
    /// How long a call may last that has no deadline of its own.
    static let longestCall: Duration = .seconds(30)
    /// Records 0 and 1 are only ever written together, in transactions.
    static let pair = 0..<2
    static let keys = 24

    /// How an operation failed on purpose.
    struct RolledBack: Error {}

    let handle: TenantHandle
    let options: ChaosSuite.Options
    let journal: ChaosJournal
    private let isDisturbed: Bool
    var model = ChaosModel(count: Self.keys)
    var random: SeededGenerator
    private var lastValue: Int64 = 0
    /// When the last call began.
    private var lastCall = ContinuousClock.now

    init(handle: TenantHandle, number: Int, options: ChaosSuite.Options, journal: ChaosJournal, isDisturbed: Bool) {
        self.handle = handle
        self.options = options
        self.journal = journal
        self.isDisturbed = isDisturbed
        random = SeededGenerator(seed: options.seed &* 0x9E37_79B9 &+ UInt64(number))
    }

    /// Runs some operations, then looks at everything when it has settled.
    func run(operations: Int) async {
        var worker = self
        for _ in 0..<operations where !Task.isCancelled { await worker.step() }
        await worker.finish()
        journal.workerEnded()
    }

    mutating func value() -> Int64 {
        lastValue += 1
        return lastValue
    }

    func violation(_ text: String) { journal.violation("\(handle.id): \(text)") }

    // MARK: One call

    /// Runs a call, perhaps cancelled or with little time.
    ///
    /// - Returns: Its result; `nil` if it failed, in a way that was to be expected.
    mutating func call<Result: Sendable>(
        _ name: String, _ body: @escaping @Sendable (TenantHandle) async throws -> Result
    ) async -> Outcome<Result> {
        let fate = Int.random(in: 0..<1_000, using: &random)
        var handle = handle
        var isForced = false
        var limit = Self.longestCall
        if fate < options.deadlines {
            limit = .microseconds(Int.random(in: 0...8_000, using: &random))
            handle = handle.with(timeout: limit)
            isForced = true
        }
        let begun = ContinuousClock.now
        var end = begun + limit
        let outcome: Outcome<Result>
        if fate >= options.deadlines, fate < options.deadlines + options.cancellations {
            isForced = true
            let task = Task { [handle] in await Self.outcome { try await body(handle) } }
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...8_000, using: &random)))
            end = .now
            task.cancel()
            outcome = await task.value
        } else {
            outcome = await Self.outcome { [handle] in try await body(handle) }
        }
        let overrun = max(.zero, end.duration(to: .now))
        journal.ended(outcome.code, overrun: overrun)
        if overrun > options.grace { violation("\(name) lasted \(overrun) beyond its deadline.") }
        if let error = outcome.error { examine(error, of: name, isForced: isForced) }
        lastCall = begun
        // As an application would: else most calls were made while the database is away.
        if outcome.code == .unavailable {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 20...100, using: &random)))
        }
        return outcome
    }

    private static func outcome<Result: Sendable>(_ body: () async throws -> Result) async -> Outcome<Result> {
        do { return .answered(try await body()) } catch {
            guard let error = error as? TenancyError else { return .rolledBack }
            return .failed(error)
        }
    }

    private func examine(_ error: TenancyError, of name: String, isForced: Bool) {
        let forced: [TenancyError.Code] = [.cancelled, .timeout, .outcomeUnknown]
        let disturbed: [TenancyError.Code] = [
            .unavailable, .timeout, .locked, .deadlock, .serializationFailure, .outcomeUnknown,
        ]
        if isForced && forced.contains(error.code) || isDisturbed && disturbed.contains(error.code) { return }
        violation("\(name) failed for no reason: \(error)")
    }

    /// How a call ended.
    enum Outcome<Result: Sendable>: Sendable {
        case answered(Result)
        case rolledBack
        case failed(TenancyError)

        var error: TenancyError? { if case .failed(let error) = self { error } else { nil } }
        var code: TenancyError.Code? { error?.code }
        var result: Result? { if case .answered(let result) = self { result } else { nil } }
    }

    // MARK: Looking

    /// Checks that a record is of this tenant and whole, and returns its value.
    private func examine(_ cell: ChaosCell, _ name: String) -> Int64 {
        if cell.owner != handle.id.rawValue { violation("LEAK: \(name) shows a record of \(cell.owner).") }
        if cell != ChaosCell(id: cell.id, value: cell.value, of: handle.id) {
            violation("\(name) shows record \(cell.id) in parts that don't belong together.")
        }
        return cell.value
    }

    /// Compares a record with the model.
    mutating func observe(_ id: Int, _ cell: ChaosCell?, _ name: String) {
        let value = cell.map { examine($0, name) }
        let expectation = model.expectation(id)
        switch model.observe(id, value, since: lastCall) {
        case .expected: break
        case .unanswered: journal.unansweredWrite(isLate: false)
        case .late: journal.unansweredWrite(isLate: true)
        case .impossible:
            violation("\(name) shows \(value.map(String.init) ?? "nothing") for record \(id), not \(expectation).")
        }
    }

    /// Compares all records of a range with the model.
    mutating func observe(_ cells: [ChaosCell], in ids: Range<Int>, _ name: String) {
        if cells.map(\.id) != Set(cells.map(\.id)).sorted() {
            violation("\(name) shows records twice or out of order.")
        }
        let found = Dictionary(cells.map { (Int($0.id), $0) }) { first, _ in first }
        if let stray = found.keys.first(where: { !ids.contains($0) }) { violation("\(name) shows record \(stray).") }
        if Self.pair.allSatisfy(ids.contains), found[0]?.value != found[1]?.value {
            violation("\(name) shows half of a transaction.")
        }
        for id in ids { observe(id, found[id], name) }
    }

    /// Waits until what failed without an answer can take effect no more, and looks at everything.
    private mutating func finish() async {
        let settled = ContinuousClock.now + options.settlingTime
        while ContinuousClock.now < settled, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
        let patience = ContinuousClock.now + .seconds(30)
        while true {
            lastCall = .now
            let seen = await Self.outcome { [handle] in
                try await handle.query(ChaosCell.self).sorted(by: \.id).all()
            }
            switch seen {
            case .answered(let cells):
                observe(cells, in: 0..<model.count, "the last look")
                return
            case .failed(let error) where ContinuousClock.now > patience || Task.isCancelled:
                return violation("The database does not recover: \(error)")
            default: try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
