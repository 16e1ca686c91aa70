package import TenancyCore

/// A file descriptor that a ``Reactor`` watches. Used on the reactor only.
///
/// Level-triggered: the handler is called turn after turn as long as what is watched holds. Client libraries such as
/// libpq read a buffer's worth and not until nothing is left, and would wait for ever for an edge that has passed;
/// besides, a level lets a busy connection read a bounded piece per turn and leave the rest to the next one.
///
/// The source holds its handler until it is cancelled, and the reactor holds the source.
package final class ReactorSource {
    /// The descriptor. It belongs to the caller, who cancels the source before closing it.
    package let descriptor: Int32
    /// What is watched.
    package private(set) var interest: ReactorEvents = []

    let token: UInt64
    var handler: ((ReactorEvents) -> Void)?
    private let reactor: Reactor

    init(descriptor: Int32, token: UInt64, reactor: Reactor, handler: @escaping (ReactorEvents) -> Void) {
        self.descriptor = descriptor
        self.token = token
        self.reactor = reactor
        self.handler = handler
    }

    /// Changes what is watched; a system call unless it is the same as before.
    package func watch(_ interest: ReactorEvents) throws(TenancyError) {
        guard handler != nil, interest != self.interest else { return }
        try reactor.poller.set(descriptor, from: self.interest, to: interest, token: token)
        self.interest = interest
    }

    /// Stops watching. No event is reported after it, not even one that was already collected.
    package func cancel() {
        guard handler != nil else { return }
        handler = nil
        reactor.loop.forget(self)
        // Fails only for a descriptor that the caller has closed too early, and then the kernel has forgotten it.
        try? reactor.poller.set(descriptor, from: interest, to: [], token: token)
        interest = []
    }
}
