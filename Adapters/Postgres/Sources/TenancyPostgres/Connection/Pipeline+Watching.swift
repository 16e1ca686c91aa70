import TenancyCore
import TenancyIO

extension Pipeline {
    /// How long nothing may come until those who wait behind something slow are sent elsewhere. Twice as long as until
    /// nobody comes any more (``LaneSet/patience``), so that a short pause of the machine sends nobody away.
    static var patience: Duration { LaneSet.patience * 2 }

    /// Looks after a while whether answers still come. One timer at a time, and none while nothing is under way.
    func watch(for time: Duration) {
        do throws(TenancyError) {
            try reactor.schedule(after: time) { [weak self] in self?.assumeIsolated { $0.lookAtProgress() } }
            isWatched = true
        } catch {
            // The reactor stops, and everything on it ends.
        }
    }

    private func lookAtProgress() {
        isWatched = false
        guard loss == nil, !flights.isEmpty else { return }
        let silence = load.silence
        guard silence >= Self.patience else { return watch(for: Self.patience - silence) }
        // The first is what takes long, and has its own deadline; unless its result waits on the server for that of
        // another in its transaction.
        let (first, second) = (flights.first, flights.second)
        if let first, first.isShared, first.point == second?.point { first.exchange.holdUp() }
        flights.forEachBehindFirst { $0.exchange.holdUp() }
        watch(for: Self.patience)
    }
}
