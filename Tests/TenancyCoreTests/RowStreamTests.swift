import Synchronization
import TenancyCore
import Testing

@Suite("Row streams")
struct RowStreamTests {
    private final class Source: RowStream.Source {
        let left: Mutex<Int>
        let cancellations = Mutex(0)
        let fails: Bool

        init(batches: Int, fails: Bool = false) {
            left = Mutex(batches)
            self.fails = fails
        }

        func next() async throws(TenancyError) -> (any RowBatch)? {
            let remaining = left.withLock { left in
                left -= 1
                return left
            }
            if remaining >= 0 {
                var builder = RowBuffer.Builder(columnCount: 1)
                builder.append(.int64(Int64(remaining)))
                return builder.build()
            }
            if fails { throw TenancyError(.unavailable, "gone") }
            return nil
        }

        func cancel() { cancellations.withLock { $0 += 1 } }

        var wasCancelled: Bool { cancellations.withLock { $0 > 0 } }
    }

    @Test("A stream that is read to its end is released")
    func toEnd() async throws {
        let source = Source(batches: 3)
        var batches = 0
        for try await batch in RowStream(source) { batches += batch.count }
        #expect(batches == 3)
        #expect(source.wasCancelled)
    }

    @Test("A stream that is abandoned half-way is released")
    func abandoned() async throws {
        let source = Source(batches: 3)
        for try await _ in RowStream(source) { break }
        #expect(source.wasCancelled)
    }

    @Test("A stream that nobody reads is released")
    func unread() {
        let source = Source(batches: 3)
        _ = RowStream(source)
        #expect(source.wasCancelled)
    }

    @Test("A stream that fails throws the error and is released at once")
    func failing() async throws {
        let source = Source(batches: 1, fails: true)
        var iterator = RowStream(source).makeAsyncIterator()
        #expect(try await iterator.next() != nil)
        do {
            _ = try await iterator.next()
            Issue.record("nothing was thrown")
        } catch { #expect(error.code == .unavailable) }
        #expect(source.wasCancelled)
    }
}
