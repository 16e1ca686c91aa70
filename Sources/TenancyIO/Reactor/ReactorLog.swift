import Logging

/// Logs what holds a reactor, and with it everybody else on it.
struct ReactorLog: ReactorObserver {
    private let logger = Logger(label: "tenancy.reactor")

    func reactorIsHeld(_ name: String, for duration: Duration) {
        logger.warning(
            "Work that does not give way holds a reactor; what runs on sdk.executor must not block.",
            metadata: ["reactor": "\(name)", "for": "\(duration)"])
    }
}
