import Synchronization
import TenancyCore
import TenancyIO

/// Commands that are sent together, their replies, and the caller who waits for them.
///
/// The caller is resumed exactly once: when the replies are complete, or by a deadline or a cancellation, whichever
/// comes first. That is what ``TenancyIO/ReactorWait`` does; here it is a part of the call, which spares each call an
/// object and what generic code costs across modules.
///
/// Unchecked, because the commands are taken and the replies added on the connection's reactor, and the replies are
/// read by the one caller who has been told that they are complete. A caller that has given up reads nothing.
final class RedisCall: @unchecked Sendable {
    private enum Phase {
        static var fresh: UInt8 { 0 }
        static var waiting: UInt8 { 1 }
        static var done: UInt8 { 2 }
    }

    /// How many replies are to come.
    let count: Int
    /// Whether the call is refused while too many wait.
    let isBounded: Bool

    private var bytes: [UInt8]
    private var firstReply: OwnedReply?
    private var moreReplies: [OwnedReply] = []
    private var arrived = 0

    private let isClaimed = Atomic<Bool>(false)
    private let phase = Atomic<UInt8>(Phase.fresh)
    /// Written by the one caller of ``finish(_:)`` that has claimed the call, before the phase becomes `done`; read by
    /// whoever has seen that.
    private var failure: TenancyError?
    /// Written by the waiter before the phase becomes `waiting`; read by the one who has seen that.
    private var continuation: UnsafeContinuation<Void, Never>?

    init(_ commands: consuming CommandWriter, isBounded: Bool = true) {
        self.isBounded = isBounded
        count = commands.count
        bytes = commands.bytes
    }

    deinit {
        firstReply?.free()
        for reply in moreReplies { reply.free() }
    }

    // MARK: Commands and replies

    /// Hands the commands in the wire's form over, and no longer holds them.
    func appendBytes(to output: inout [UInt8]) {
        output.append(contentsOf: bytes)
        bytes = []
    }

    /// Takes over a reply, and drops it if nobody waits any more.
    ///
    /// - Returns: Whether it was the last.
    func add(_ reply: OwnedReply) -> Bool {
        arrived += 1
        if hasEnded {
            reply.free()
        } else if firstReply == nil {
            firstReply = reply
        } else {
            if moreReplies.isEmpty { moreReplies.reserveCapacity(count - 1) }
            moreReplies.append(reply)
        }
        return arrived == count
    }

    /// A reply; `nil` if there is none of that number.
    subscript(index: Int) -> RedisReply? {
        if index == 0 { return firstReply?.lent }
        return index <= moreReplies.count ? moreReplies[index - 1].lent : nil
    }

    // MARK: Waiting

    /// Whether the caller is no longer to be resumed.
    var hasEnded: Bool { isClaimed.load(ordering: .relaxed) }

    /// Resumes the caller, unless it was resumed before. From any thread.
    ///
    /// - Parameter failure: What the caller is told; `nil` when the replies are complete.
    func finish(_ failure: TenancyError?) {
        guard !isClaimed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.failure = failure
        if phase.exchange(Phase.done, ordering: .acquiringAndReleasing) == Phase.waiting {
            continuation.take()?.resume()
        }
    }

    /// Waits for the replies. Called once.
    ///
    /// - Throws: What the call was finished with, or ``TenancyError/Code/cancelled``.
    func wait() async throws(TenancyError) {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.continuation = continuation
                let isFirst = phase.compareExchange(
                    expected: Phase.fresh, desired: Phase.waiting, ordering: .acquiringAndReleasing
                ).exchanged
                if !isFirst { self.continuation.take()?.resume() }
            }
        } onCancel: {
            finish(TenancyError(.cancelled, "The calling task was cancelled while it waited."))
        }
        if let failure { throw failure }
    }

    /// Waits for the replies until a deadline of this call's own.
    ///
    /// - Parameter late: What is thrown when the deadline has passed.
    func wait(
        on reactor: Reactor, until deadline: ContinuousClock.Instant, late: TenancyError
    ) async throws(TenancyError) {
        let timer = try reactor.schedule(at: deadline) { [self] in finish(late) }
        defer { reactor.cancel(timer) }
        try await wait()
    }
}
