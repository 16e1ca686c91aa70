import TenancyCore

/// Whether a transaction that lost against a concurrent one is run again.
///
/// What is run again is the whole closure, from its beginning, in a new transaction. So the closure must be repeatable:
/// what it does beside the transaction's own statements (a message sent, a variable added to) is done once for each
/// attempt. A transaction within a transaction is never repeated by itself, because the outer one has lost too.
public struct TransactionRetry: Sendable, Hashable {
    /// How often the closure is run at most; 1 for never again. Default 3.
    public var maximumAttempts = 3
    /// The longest pause before the second attempt; each later one may be twice as long. Default 5 ms. The pause is
    /// random, so that those who collided don't meet again.
    public var firstPause: Duration = .milliseconds(5)
    /// The longest pause. Default 250 ms.
    public var maximumPause: Duration = .milliseconds(250)

    /// Three attempts.
    public init() {}

    /// A policy.
    public init(
        maximumAttempts: Int, firstPause: Duration = .milliseconds(5), maximumPause: Duration = .milliseconds(250)
    ) {
        self.maximumAttempts = maximumAttempts
        self.firstPause = firstPause
        self.maximumPause = maximumPause
    }

    /// Three attempts.
    public static let `default` = TransactionRetry()
    /// One attempt.
    public static let never = TransactionRetry(maximumAttempts: 1)

    /// How long to wait before the next attempt; `nil` if the error is final. Only errors that prove that nothing was
    /// committed, and that another order of events may not bring about, are not.
    func pause(after attempt: Int, _ error: any Error) -> Duration? {
        guard attempt < maximumAttempts, let error = error as? TenancyError, Self.codes.contains(error.code) else {
            return nil
        }
        let longest = min(firstPause * Double(1 << min(attempt - 1, 30)), maximumPause)
        return longest * Double.random(in: 0...1)
    }

    private static let codes: [TenancyError.Code] = [.serializationFailure, .deadlock, .locked]
}
