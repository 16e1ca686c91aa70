/// What comes through a channel.
public enum PostgresNotification: Sendable, Hashable {
    /// What was sent.
    case payload(String)
    /// Something may be missing here: the connection was lost and is there again, or the listener was too slow.
    case gap
}

/// The notifications of a channel, one after another. Iterated by one task; it ends when that is cancelled, and when
/// the ``PostgresNotifications`` are shut down.
public struct PostgresNotificationSequence: AsyncSequence, Sendable {
    private let subscription: NotificationSubscription

    init(_ subscription: NotificationSubscription) { self.subscription = subscription }

    /// Takes one notification after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let subscription: NotificationSubscription

        /// The next notification; `nil` after the last one, or if the calling task is cancelled.
        public mutating func next() async -> PostgresNotification? { await subscription.next() }

        /// The next notification; `nil` after the last one, or if the calling task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> PostgresNotification? {
            await subscription.next()
        }
    }

    /// Takes notifications from now on.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }
}

/// Ends the listening when nobody holds it any more.
final class NotificationSubscription: Sendable {
    private let listener: NotificationListener
    private let onEnd: @Sendable (NotificationListener) -> Void

    init(_ listener: NotificationListener, onEnd: @escaping @Sendable (NotificationListener) -> Void) {
        self.listener = listener
        self.onEnd = onEnd
    }

    deinit { onEnd(listener) }

    func next() async -> PostgresNotification? {
        let event = await listener.next()
        if event == nil { onEnd(listener) }
        return event
    }
}
