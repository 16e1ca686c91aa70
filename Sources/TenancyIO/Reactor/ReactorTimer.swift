/// A timer of a ``Reactor``, as ``Reactor/cancel(_:)`` wants it.
package struct ReactorTimer: Sendable, Hashable {
    let token: TimerHeap<@Sendable () -> Void>.Token
}
