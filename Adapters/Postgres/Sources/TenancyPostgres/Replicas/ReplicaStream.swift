import Synchronization
import TenancyCore

/// A stream from a replica. The primary takes over if the replica fails before it has given a row; after that nobody
/// could go on where it stopped, and the stream fails as one from the primary would.
final class ReplicaStream: RowStream.Source {
    private struct State {
        var source: any RowStream.Source
        var hasBegun = false
        var isCancelled = false
    }

    private let state: Mutex<State>
    private let takeOver: @Sendable (TenancyError) async throws(TenancyError) -> any RowStream.Source

    /// - Parameter takeOver: Makes the primary's stream, or throws if nobody is to be asked any more.
    init(
        _ source: any RowStream.Source,
        takeOver: @escaping @Sendable (TenancyError) async throws(TenancyError) -> any RowStream.Source
    ) {
        state = Mutex(State(source: source))
        self.takeOver = takeOver
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        let (source, hasBegun) = state.withLock { ($0.source, $0.hasBegun) }
        do throws(TenancyError) {
            let batch = try await source.next()
            state.withLock { $0.hasBegun = true }
            return batch
        } catch {
            if hasBegun || state.withLock({ $0.isCancelled }) { throw error }
            source.cancel()
            let other = try await takeOver(error)
            let isCancelled = state.withLock { state in
                state.source = other
                state.hasBegun = true
                return state.isCancelled
            }
            if isCancelled { other.cancel() }
            return try await other.next()
        }
    }

    func cancel() {
        let source = state.withLock { state in
            state.isCancelled = true
            return state.source
        }
        source.cancel()
    }
}
