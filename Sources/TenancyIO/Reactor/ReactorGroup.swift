import Foundation
import Synchronization
public import TenancyCore

/// Some reactors, among which tenants and connections are divided.
public final class ReactorGroup: Sendable {
    /// The reactors. Never empty.
    public let reactors: [Reactor]

    private let position = Atomic<Int>(0)
    private let watchdog: ReactorWatchdog?

    /// One reactor per core, and 8 at most: beyond that the servers are the limit, and requests that could have been
    /// sent together are spread out instead.
    public static var defaultCount: Int { min(max(ProcessInfo.processInfo.activeProcessorCount, 1), 8) }

    /// Starts reactors.
    ///
    /// - Parameters:
    ///   - name: What the threads' names begin with.
    ///   - count: How many, at least 1.
    ///   - observer: Told when a single job holds a reactor for `threshold` or longer. None, no watchdog.
    ///   - threshold: How long a job may take until it is reported.
    /// - Throws: ``TenancyError/Code/backendFailure`` if the system has no threads or file descriptors left.
    public init(
        name: String = "tenancy", count: Int = ReactorGroup.defaultCount,
        configuration: ReactorConfiguration = ReactorConfiguration(),
        observer: (any ReactorObserver)? = nil, threshold: Duration = .milliseconds(100)
    ) throws(TenancyError) {
        var reactors: [Reactor] = []
        do throws(TenancyError) {
            for index in 0..<max(count, 1) {
                reactors.append(try Reactor(name: "\(name)-\(index)", configuration: configuration))
            }
        } catch {
            for reactor in reactors { reactor.requestStop() }
            throw error
        }
        self.reactors = reactors
        watchdog = observer.map { ReactorWatchdog(reactors, threshold: threshold, observer: $0) }
        watchdog?.start()
    }

    /// The reactors in turn: for what belongs to no tenant.
    public func next() -> Reactor {
        let position = position.wrappingAdd(1, ordering: .relaxed).oldValue
        return reactors[Int(UInt(bitPattern: position) % UInt(reactors.count))]
    }

    /// A tenant's reactor: always the same one, so that all steps of a call for it run on one thread.
    public func reactor(for tenant: TenantID) -> Reactor { reactors[position(for: tenant)] }

    /// The position of a tenant's reactor.
    package func position(for tenant: TenantID) -> Int {
        Int(UInt(bitPattern: tenant.hashValue) % UInt(reactors.count))
    }

    /// Stops all reactors, as ``Reactor/stop()`` does.
    public func stop() async {
        watchdog?.stop()
        for reactor in reactors { reactor.requestStop() }
        for reactor in reactors { await reactor.stop() }
    }
}
