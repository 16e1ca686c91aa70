import Foundation
import Synchronization

/// Ends the work in order when the user or the system wants it to end.
///
/// The first signal cancels the work, which then rolls back and cleans up; a second one ends the process at once.
final class Interruption: Sendable {
    private let received = Mutex<Int32?>(nil)

    /// The signal that came, if one did.
    var signal: Int32? { received.withLock { $0 } }

    func running<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { try await work() }
        let sources = [SIGINT, SIGTERM].map { number in
            // Else the process would end before the source sees the signal.
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                let isFirst = received.withLock { signal in
                    defer { signal = signal ?? number }
                    return signal == nil
                }
                guard isFirst else { _exit(128 + number) }
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }
}
