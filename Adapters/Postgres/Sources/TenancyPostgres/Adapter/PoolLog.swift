import Logging
import TenancyCore
import TenancyIO

/// Logs what a pool finds amiss.
struct PoolLog: PoolObserver {
    let logger: Logger

    func poolFailedToOpen(_ pool: String, _ error: TenancyError, pause: Duration) {
        logger.warning(
            "A connection could not be made.", metadata: ["pool": "\(pool)", "error": "\(error)", "pause": "\(pause)"])
    }

    func poolSuspectsLeak(_ pool: String, file: String, line: Int, heldFor duration: Duration) {
        logger.warning(
            "A connection has been in use for long; a transaction or a stream may have been forgotten.",
            metadata: ["pool": "\(pool)", "takenAt": "\(file):\(line)", "for": "\(duration)"])
    }
}
