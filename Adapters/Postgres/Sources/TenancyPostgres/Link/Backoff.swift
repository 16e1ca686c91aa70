/// How long to wait before another try: twice as long after each failure, up to a bound, and shortened at random by up
/// to a half, so that those who lost the same server don't come back all at once.
struct Backoff: Sendable {
    /// The pause after the first failure, before chance shortens it.
    let minimum: Duration
    /// The longest pause.
    let maximum: Duration
    /// How many pauses there have been since the last ``reset()``.
    private(set) var count = 0
    private var current: Duration

    init(minimum: Duration = .milliseconds(100), maximum: Duration = .seconds(10)) {
        self.minimum = max(.milliseconds(1), minimum)
        self.maximum = max(self.minimum, maximum)
        current = self.minimum
    }

    /// The next pause.
    mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        // The library's random doubles never end for a source that always says the greatest number.
        let pause = current * (0.5 + Double(random.next() >> 11) * 0x1p-54)
        count += 1
        current = min(maximum, current * 2)
        return pause
    }

    /// The next pause, by the system's random numbers.
    mutating func next() -> Duration {
        var random = SystemRandomNumberGenerator()
        return next(using: &random)
    }

    /// Begins anew, after a success.
    mutating func reset() {
        current = minimum
        count = 0
    }
}
