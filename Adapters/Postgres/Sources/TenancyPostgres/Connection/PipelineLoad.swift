import Synchronization

/// How a connection is doing, for other threads to see.
final class PipelineLoad: Sendable {
    private let exchanges = Atomic<Int>(0)
    /// When a result last came while others were awaited, or the first was sent.
    private let progress = Atomic<UInt64>(0)
    private let transaction = Atomic<UInt8>(0)
    private let lost = Atomic<Bool>(false)
    private static let origin = ContinuousClock.now

    /// How many exchanges are under way.
    var count: Int { exchanges.load(ordering: .relaxed) }
    /// Whether the connection can't be used any more.
    var isLost: Bool { lost.load(ordering: .acquiring) }
    /// Whether the last exchange has left a transaction open, healthy or failed.
    var isInTransaction: Bool { transaction.load(ordering: .acquiring) != 0 }
    /// Whether the last exchange has left a transaction open that takes statements.
    var isInHealthyTransaction: Bool { transaction.load(ordering: .acquiring) == 1 }
    /// Whether nothing is under way and nothing is open.
    var isIdle: Bool { !isLost && count == 0 && !isInTransaction }

    func add() { exchanges.add(1, ordering: .relaxed) }
    func remove() { exchanges.subtract(1, ordering: .releasing) }
    func noteProgress() { progress.store(Self.now, ordering: .relaxed) }
    func noteTransaction(isOpen: Bool, isHealthy: Bool) {
        transaction.store(isOpen ? (isHealthy ? 1 : 2) : 0, ordering: .releasing)
    }
    func noteLoss() { lost.store(true, ordering: .releasing) }

    /// How long nothing has come although something is under way.
    var silence: Duration {
        guard count > 0 else { return .zero }
        let since = progress.load(ordering: .relaxed)
        let now = Self.now
        return since > 0 && now > since ? .nanoseconds(Int64(clamping: now - since)) : .zero
    }

    private static var now: UInt64 {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return UInt64(max(1, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
