internal import CTenancyIO
import TenancyCore

/// The system's queue of events: epoll and an eventfd, or kqueue.
struct Poller: Sendable {
    private let poller: tenancy_poller

    init() throws(TenancyError) {
        var poller = tenancy_poller()
        let error = tenancy_poller_open(&poller)
        guard error == 0 else { throw Self.failure("create an event queue", error) }
        self.poller = poller
    }

    func close() { withUnsafePointer(to: poller) { tenancy_poller_close($0) } }

    func wake() { withUnsafePointer(to: poller) { tenancy_poller_wake($0) } }

    func set(
        _ descriptor: Int32, from: ReactorEvents, to: ReactorEvents, token: UInt64
    ) throws(TenancyError) {
        let error = withUnsafePointer(to: poller) {
            tenancy_poller_set($0, descriptor, from.rawValue, to.rawValue, token)
        }
        guard error == 0 else { throw Self.failure("watch a file descriptor", error) }
    }

    /// - Parameter timeout: In nanoseconds; negative for ever.
    func wait(_ events: UnsafeMutableBufferPointer<tenancy_event>, timeout: Int64) -> Int {
        Int(
            withUnsafePointer(to: poller) {
                tenancy_poller_wait($0, events.baseAddress, Int32(events.count), timeout)
            })
    }

    private static func failure(_ what: String, _ error: Int32) -> TenancyError {
        TenancyError(
            .backendFailure, "The system could not \(what).", hint: "Check the limits on open files and memory.",
            details: .init(backendCode: "errno \(error)"))
    }
}
