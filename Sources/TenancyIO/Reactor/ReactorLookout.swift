internal import CTenancyIO

/// Whether a reactor that has nothing to do looks for more or sleeps. Nobody needs to wake one that is awake.
///
/// It looks out only where that has paid, or a sleep was so short that it would have: a reactor with little to do costs
/// nothing for it.
struct ReactorLookout {
    /// In nanoseconds.
    private let time: UInt64
    private var isWorthwhile = false
    /// How much the reactor had done when it last had something to do, and until when it looks for more.
    private var done = 0
    private var end: UInt64 = 0

    init(_ time: Duration) {
        self.time = time > .zero ? UInt64(ReactorTime.nanoseconds(min(time, .milliseconds(1)))) : 0
    }

    /// Whether it is too early to sleep.
    ///
    /// - Parameter done: How much the reactor has done so far.
    mutating func goesOn(done: Int) -> Bool {
        guard isWorthwhile else { return false }
        let now = ReactorTime.now
        if done != self.done {
            self.done = done
            end = now + time
        } else if now >= end {
            isWorthwhile = false
            return false
        }
        tenancy_thread_yield()
        return true
    }

    /// The reactor has slept since a time, in nanoseconds, and has work now.
    mutating func slept(since start: UInt64) { isWorthwhile = ReactorTime.now - start < time }
}
