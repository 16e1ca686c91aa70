/// Batches of rows as they come from the database, of which the consumer's pace decides how many are read.
///
/// Can be iterated once. What the stream holds (a connection, a cursor) is released at its end, at an error, when
/// the iterator is let go of, and when the stream is let go of without having been iterated.
public struct RowStream: AsyncSequence, Sendable {
    /// A batch.
    public typealias Element = any RowBatch
    /// The one error type.
    public typealias Failure = TenancyError

    /// Where a stream's batches come from.
    public protocol Source: Sendable {
        /// The next batch, never empty; `nil` at the end.
        func next() async throws(TenancyError) -> (any RowBatch)?
        /// Releases everything soon, without waiting. Called once or more, also after the end.
        func cancel()
    }

    fileprivate final class Lifetime: Sendable {
        let source: any Source
        init(_ source: any Source) { self.source = source }
        deinit { source.cancel() }
    }

    /// Draws batches from the stream.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let lifetime: Lifetime

        /// The next batch.
        public mutating func next() async throws(TenancyError) -> (any RowBatch)? {
            try await next(isolation: nil)
        }

        /// The next batch.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(TenancyError) -> (any RowBatch)? {
            do throws(TenancyError) {
                return try await lifetime.source.next()
            } catch {
                lifetime.source.cancel()
                throw error
            }
        }
    }

    private let lifetime: Lifetime

    /// A stream of a source's batches.
    public init(_ source: any Source) { lifetime = Lifetime(source) }

    /// Draws batches from the stream.
    public func makeAsyncIterator() -> Iterator { Iterator(lifetime: lifetime) }
}
