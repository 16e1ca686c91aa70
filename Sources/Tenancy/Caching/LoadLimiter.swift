import Synchronization
import TenancyCore

/// Bounds how many reads of the database one tenant's misses make at once, so that a cache that is gone or empty does not
/// turn into a stampede. The others wait, in the order of their coming, within their own deadlines.
final class LoadLimiter: Sendable {
    private struct Line {
        var running = 0
        var waiting: [Waiter<Void>] = []
    }

    private let maximum: Int
    private let lines = Mutex<[TenantID: Line]>([:])

    init(maximum: Int) { self.maximum = maximum }

    /// How many loads wait.
    var waitingCount: Int { lines.withLock { $0.values.reduce(0) { $0 + $1.waiting.count } } }

    /// Whether nobody has a place.
    var isEmpty: Bool { lines.withLock(\.isEmpty) }

    /// Waits for a place, which has to be given back by ``leave(_:)``.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``.
    func enter(_ context: TenantContext) async throws(TenancyError) {
        let waiter = lines.withLock { lines -> Waiter<Void>? in
            if lines[context.tenant, default: Line()].running < maximum {
                lines[context.tenant, default: Line()].running += 1
                return nil
            }
            let waiter = Waiter<Void>()
            lines[context.tenant]?.waiting.append(waiter)
            return waiter
        }
        guard let waiter else { return }
        let late = TenancyError(
            .timeout, "The deadline passed while the read waited for others of the tenant.",
            hint: "Raise SDKConfig.caching.maximumLoads, or see why the cache answers so little.",
            details: .init(tenant: context.tenant))
        do throws(TenancyError) {
            try await waiter.wait(until: context.deadline, late: late)
        } catch {
            lines.withLock { $0[context.tenant]?.waiting.removeAll { $0 === waiter } }
            throw error
        }
    }

    /// Gives a place back, to who waits longest.
    func leave(_ tenant: TenantID) {
        while true {
            let next = lines.withLock { lines -> Waiter<Void>? in
                guard var line = lines[tenant] else { return nil }
                guard line.waiting.isEmpty else {
                    let next = line.waiting.removeFirst()
                    lines[tenant] = line
                    return next
                }
                line.running -= 1
                lines[tenant] = line.running == 0 ? nil : line
                return nil
            }
            // One that was cancelled in this moment does not take the place.
            guard let next, !next.resume(.success(())) else { return }
        }
    }
}
