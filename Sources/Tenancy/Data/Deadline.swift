extension ContinuousClock.Instant {
    /// The moment that long after now; at most a century, because a sum with more could not be represented.
    static func after(_ duration: Duration) -> ContinuousClock.Instant {
        .now.advanced(by: min(duration, .seconds(100 * 365 * 86_400)))
    }
}
