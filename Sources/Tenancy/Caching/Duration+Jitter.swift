extension Duration {
    /// As long, but by chance shorter or longer by a part of it, so that what begins together doesn't end together.
    func varied(by jitter: Double) -> Duration {
        jitter == 0 ? self : self * Double.random(in: (1 - jitter)...(1 + jitter))
    }
}
