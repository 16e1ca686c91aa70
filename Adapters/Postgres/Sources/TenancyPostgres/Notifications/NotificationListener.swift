import TenancyCore
import TenancyIO

/// What waits for one listener: a bounded number of payloads, and whether some are missing among them.
final class NotificationListener: Sendable {
    private struct State {
        var events: [PostgresNotification] = []
        var head = 0
        /// Whether payloads were dropped after those that wait.
        var isOverflowing = false
        var isEnded = false
        /// The connection through which it is heard; they are counted on.
        var connection: Int?
        var next: ReactorWait<PostgresNotification?>?

        var count: Int { events.count - head }
    }

    let channel: PostgresChannel
    /// Resumed when the server listens for the first time.
    let begun = ReactorWait<Void>()
    private let bufferSize: Int
    private let state = Locked(State())

    init(_ channel: PostgresChannel, bufferSize: Int) {
        self.channel = channel
        self.bufferSize = bufferSize
    }

    var hasBegun: Bool { state.withLock { $0.connection != nil } }

    /// The server listens, through a connection of that number. If it is another one than before, some may be missing.
    func begin(with connection: Int) {
        let (wait, isFirst) = state.withLock { state -> (ReactorWait<PostgresNotification?>?, Bool) in
            defer { state.connection = connection }
            guard let known = state.connection else { return (nil, true) }
            return (known == connection ? nil : Self.put(.gap, &state), false)
        }
        if isFirst { begun.resume(.success(())) }
        wait?.resume(.success(.gap))
    }

    /// Takes a payload, or notes that one is missing.
    ///
    /// The first of a new connection may come before ``begin(with:)`` is called for that, and the gap is to stand in
    /// front of it.
    func add(_ payload: String, from connection: Int) {
        let event = PostgresNotification.payload(payload)
        let (gapWait, wait) = state.withLock {
            state -> (ReactorWait<PostgresNotification?>?, ReactorWait<PostgresNotification?>?) in
            guard !state.isEnded, let known = state.connection, known <= connection else { return (nil, nil) }
            state.connection = connection
            let gapWait = known == connection ? nil : Self.put(.gap, &state)
            if state.isOverflowing || state.count >= bufferSize {
                state.isOverflowing = true
                return (gapWait, nil)
            }
            return (gapWait, Self.put(event, &state))
        }
        gapWait?.resume(.success(.gap))
        wait?.resume(.success(event))
    }

    /// Ends the sequence after what waits already.
    func end(_ reason: TenancyError) {
        begun.resume(.failure(reason))
        let wait = state.withLock { state in
            state.isEnded = true
            return state.next.take()
        }
        wait?.resume(.success(nil))
    }

    /// The next event; `nil` after the last, and when the calling task is cancelled.
    func next() async -> PostgresNotification? {
        let wait = ReactorWait<PostgresNotification?>()
        let ready = state.withLock { state -> PostgresNotification?? in
            if state.head < state.events.count {
                let event = state.events[state.head]
                state.head += 1
                if state.head == state.events.count {
                    state.events.removeAll(keepingCapacity: true)
                    state.head = 0
                }
                return event
            }
            if state.isOverflowing {
                state.isOverflowing = false
                return .gap
            }
            if state.isEnded { return .some(nil) }
            // One consumer at a time; another one's wait ends the sequence for it.
            state.next?.resume(.success(nil))
            state.next = wait
            return nil
        }
        if let ready { return ready }
        // Nobody can resume a cancelled wait with an event: what comes is buffered again, and nobody asks for it.
        do throws(TenancyError) { return try await wait.value() } catch { return nil }
    }

    /// Puts an event where the consumer finds it, or returns the wait to resume with it.
    private static func put(_ event: PostgresNotification, _ state: inout State) -> ReactorWait<PostgresNotification?>?
    {
        if state.isEnded { return nil }
        if let wait = state.next.take(), !wait.hasEnded { return wait }
        if event == .gap {
            // One gap says as much as two, and says it of all that was dropped, too.
            state.isOverflowing = false
            if state.count > 0, state.events.last == .gap { return nil }
        }
        state.events.append(event)
        return nil
    }
}
