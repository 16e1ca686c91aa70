import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: pauses between tries")
struct BackoffTests {
    /// The smallest or the largest of random numbers.
    private struct Fixed: RandomNumberGenerator {
        let word: UInt64
        mutating func next() -> UInt64 { word }
    }

    @Test("Pauses double up to a bound, and chance shortens them by a half at most")
    func doubles() {
        for (word, factor) in [(UInt64.min, 0.5), (.max, 1.0)] {
            var random = Fixed(word: word)
            var backoff = Backoff(minimum: .milliseconds(100), maximum: .milliseconds(500))
            let pauses = (0..<5).map { _ in backoff.next(using: &random) / .milliseconds(1) }
            for (pause, expected) in zip(pauses, [100.0, 200, 400, 500, 500]) {
                #expect(abs(pause - expected * factor) < 0.001)
            }
            #expect(backoff.count == 5)
            backoff.reset()
            #expect(abs(backoff.next(using: &random) / .milliseconds(1) - 100 * factor) < 0.001)
        }
    }

    @Test("Two that fail together come back at different times")
    func jitter() {
        let pauses = (0..<50).map { _ in
            var backoff = Backoff()
            return backoff.next()
        }
        #expect(Set(pauses).count > 40)
    }

    @Test("Bounds without sense are put right")
    func bounds() {
        var backoff = Backoff(minimum: .zero, maximum: .seconds(-1))
        #expect(backoff.next() > .zero)
        #expect(backoff.maximum >= backoff.minimum)
    }
}
