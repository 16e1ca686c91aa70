import Synchronization
package import TenancyCore

/// A bounded number of things, such as connections, that one caller uses at a time. Who finds none free waits, first
/// come first served, without holding a thread.
package final class ResourcePool<Resource: Sendable>: Sendable {
    /// What a waiting caller gets: a resource, or the right to make one.
    private enum Grant: Sendable {
        case resource(Resource)
        case vacancy
    }

    private struct State {
        var idle: [Resource] = []
        var count = 0
        var waiters: [Waiter<Grant>] = []
        var nextWaiter = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let what: String
    private let make: @Sendable () async throws(TenancyError) -> Resource

    /// A pool of at most `maximum` resources, each made when it is first needed.
    ///
    /// - Parameter what: What the resources are, for the text of errors.
    package init(
        _ what: String, maximum: Int, make: @escaping @Sendable () async throws(TenancyError) -> Resource
    ) {
        self.what = what
        self.maximum = maximum
        self.make = make
    }

    /// How many callers wait.
    package var waiting: Int { state.withLock { $0.waiters.count - $0.nextWaiter } }
    /// How many resources there are, in use or not.
    package var count: Int { state.withLock { $0.count } }
    /// How many resources are not in use.
    package var idle: Int { state.withLock { $0.idle.count } }

    /// Takes over a resource that was made elsewhere.
    package func adopt(_ resource: Resource) {
        state.withLock { $0.count += 1 }
        checkIn(resource)
    }

    /// A resource for the caller's use, until ``checkIn(_:)`` or ``discard()``.
    package func checkOut(in context: TenantContext) async throws(TenancyError) -> Resource {
        let now = try state.withLock { state throws(TenancyError) -> (Grant?, Waiter<Grant>?) in
            guard !state.isClosed else { throw Self.closed }
            // Whoever waits goes first, also when something is free for a moment.
            if state.nextWaiter == state.waiters.count {
                if let resource = state.idle.popLast() { return (.resource(resource), nil) }
                if state.count < maximum {
                    state.count += 1
                    return (.vacancy, nil)
                }
            }
            let waiter = Waiter<Grant>()
            state.waiters.append(waiter)
            return (nil, waiter)
        }
        if let grant = now.0 { return try await redeem(grant) }
        guard let waiter = now.1 else { throw Self.closed }
        do throws(TenancyError) {
            let late = TenancyError(
                .timeout, "The deadline passed before \(what) was free.", details: .init(tenant: context.tenant))
            return try await redeem(try await waiter.wait(until: context.deadline, late: late))
        } catch {
            forget(waiter)
            throw error
        }
    }

    /// Gives a resource back.
    ///
    /// - Returns: Whether the pool took it; if not, the pool is closed and the caller must dispose of it.
    @discardableResult
    package func checkIn(_ resource: Resource) -> Bool {
        while true {
            let waiter = state.withLock { state -> Waiter<Grant>?? in
                if state.isClosed {
                    state.count -= 1
                    return .some(nil)
                }
                guard let waiter = Self.pop(&state) else {
                    state.idle.append(resource)
                    return nil
                }
                return waiter
            }
            guard let waiter else { return true }
            guard let waiter else { return false }
            if waiter.resume(.success(.resource(resource))) { return true }
        }
    }

    /// Says that a resource that was checked out is no more.
    package func discard() {
        while true {
            let waiter = state.withLock { state -> Waiter<Grant>? in
                guard let waiter = Self.pop(&state) else {
                    state.count -= 1
                    return nil
                }
                return waiter
            }
            guard let waiter else { return }
            if waiter.resume(.success(.vacancy)) { return }
        }
    }

    /// Fails whoever waits or comes later with ``TenancyError/Code/shutDown``.
    ///
    /// - Returns: The resources that were free, for the caller to dispose of.
    package func close() -> [Resource] {
        let (idle, waiters) = state.withLock { state in
            state.isClosed = true
            defer {
                state.count -= state.idle.count
                state.idle = []
                state.waiters = []
                state.nextWaiter = 0
            }
            return (state.idle, state.waiters[state.nextWaiter...])
        }
        for waiter in waiters { waiter.resume(.failure(Self.closed)) }
        return idle
    }

    private func redeem(_ grant: Grant) async throws(TenancyError) -> Resource {
        switch grant {
        case .resource(let resource): return resource
        case .vacancy:
            do throws(TenancyError) { return try await make() } catch {
                discard()
                throw error
            }
        }
    }

    /// Takes the longest waiting caller; the array is emptied from the front by an index, so that it costs nothing.
    private static func pop(_ state: inout State) -> Waiter<Grant>? {
        guard state.nextWaiter < state.waiters.count else { return nil }
        let waiter = state.waiters[state.nextWaiter]
        state.nextWaiter += 1
        if state.nextWaiter == state.waiters.count || state.nextWaiter > 1_024 {
            state.waiters.removeFirst(state.nextWaiter)
            state.nextWaiter = 0
        }
        return waiter
    }

    private func forget(_ waiter: Waiter<Grant>) {
        state.withLock { state in
            guard let position = state.waiters[state.nextWaiter...].firstIndex(where: { $0 === waiter }) else { return }
            state.waiters.remove(at: position)
        }
    }

    private static var closed: TenancyError { TenancyError(.shutDown, "The database is shut down.") }
}
