import Synchronization
package import TenancyCore

extension ReactorGroup {
    private static let shared = Locked<ReactorGroup?>(nil)

    /// The reactors that all adapters of the process share, so that a call that goes to a cache and a database changes
    /// threads once for both, and several databases need no more threads than one. Started when they are first asked
    /// for; they live as long as the process.
    ///
    /// - Throws: ``TenancyError/Code/backendFailure`` if the system has no threads or file descriptors left.
    package static func process() throws(TenancyError) -> ReactorGroup {
        try shared.withLock { group throws(TenancyError) in
            if let group { return group }
            let made = try ReactorGroup(observer: ReactorLog())
            group = made
            return made
        }
    }

    /// The reactor on which the caller runs, if it is one of these.
    package var current: Reactor? { reactors.first(where: \.isCurrent) }
}
