public import TenancyCore

/// A query's records one after another, read from the database as they are consumed.
///
/// It can be iterated once. What it holds is released at its end, at an error, and when it or its iterator is let go of.
public struct EntityStream<Element: Sendable>: AsyncSequence, Sendable {
    /// The one error type.
    public typealias Failure = TenancyError

    private let rows: RowStream
    private let access: EntityAccess<Element>

    init(_ rows: RowStream, _ access: EntityAccess<Element>) {
        self.rows = rows
        self.access = access
    }

    /// Draws records from the stream.
    public struct Iterator: AsyncIteratorProtocol {
        private var rows: RowStream.Iterator
        private let access: EntityAccess<Element>
        private var batch: (any RowBatch)?
        private var row = 0

        fileprivate init(_ rows: RowStream.Iterator, _ access: EntityAccess<Element>) {
            self.rows = rows
            self.access = access
        }

        /// The next record; `nil` at the end.
        public mutating func next() async throws(TenancyError) -> Element? { try await next(isolation: nil) }

        /// The next record; `nil` at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(TenancyError) -> Element? {
            while true {
                if let batch, row < batch.count {
                    defer { row += 1 }
                    return try access.schema.decode(RowView(batch, row: row))
                }
                // A stream may outlast the right to it: a tenant is suspended, system access ends.
                try await access.session.requireAdmission(until: access.session.context.deadline)
                batch = try await rows.next(isolation: actor)
                row = 0
                if batch == nil { return nil }
            }
        }
    }

    /// Draws records from the stream.
    public func makeAsyncIterator() -> Iterator { Iterator(rows.makeAsyncIterator(), access) }
}
