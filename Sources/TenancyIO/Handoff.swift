import Synchronization

/// A result that one thread makes and one task waits for, where it may come so soon that suspending the task would take
/// longer.
///
/// The task first looks out for the result for a bounded time, and suspends if it hasn't come by then. That is for work
/// of a few microseconds on a thread that is awake: being suspended and resumed there costs three times as much.
package final class Handoff<Value: Sendable>: @unchecked Sendable {
    // `value` is written before `state` becomes `delivered` by a releasing exchange, and read after an acquiring load or
    // exchange has seen that. `continuation` is written before `state` becomes `awaited` and read after that was seen,
    // in the same way. Each is written once, by the one thread whose role it is.
    private var value: Value
    private var continuation: UnsafeContinuation<Value, Never>?
    private let state = Atomic<UInt8>(Handoff.open)

    private static var open: UInt8 { 0 }
    private static var delivered: UInt8 { 1 }
    private static var awaited: UInt8 { 2 }

    /// The longest time for which a caller looks out.
    private static var lookoutTime: Duration { .microseconds(15) }

    /// A hand-off that holds `placeholder`, which nobody sees.
    package init(_ placeholder: Value) { value = placeholder }

    /// Hands the result over. Called once.
    package func deliver(_ value: consuming Value) {
        self.value = value
        let exchange = state.compareExchange(
            expected: Self.open, desired: Self.delivered, ordering: .acquiringAndReleasing)
        if !exchange.exchanged { continuation?.resume(returning: self.value) }
    }

    /// The result. Called once.
    ///
    /// - Parameter lookingOut: Whether the result is likely to come in some microseconds.
    package func take(lookingOut: Bool) async -> Value {
        if lookingOut, looksOut() { return value }
        return await withUnsafeContinuation { continuation in
            self.continuation = continuation
            let exchange = state.compareExchange(
                expected: Self.open, desired: Self.awaited, ordering: .acquiringAndReleasing)
            if !exchange.exchanged { continuation.resume(returning: value) }
        }
    }

    private func looksOut() -> Bool {
        let end = ContinuousClock.now.advanced(by: Self.lookoutTime)
        repeat {
            for _ in 0..<64 where state.load(ordering: .acquiring) == Self.delivered { return true }
        } while ContinuousClock.now < end
        return false
    }
}
