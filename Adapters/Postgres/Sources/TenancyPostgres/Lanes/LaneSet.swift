import TenancyCore
import TenancyIO

/// The lanes of all reactors, and which of them a call takes.
final class LaneSet: Sendable {
    /// How long a lane may be silent, with something under way, until calls avoid it.
    static let patience = Duration.milliseconds(50)

    private let reactors: ReactorGroup
    /// By the position of the reactor.
    private let lanes: [[Lane]]

    init(_ reactors: ReactorGroup, perReactor: Int, _ source: PipelineSource) {
        self.reactors = reactors
        lanes = reactors.reactors.map { reactor in (0..<perReactor).map { _ in Lane(on: reactor, source) } }
    }

    /// Opens all of them.
    func start() async throws(TenancyError) {
        for lane in lanes.joined() { try await lane.start() }
    }

    func close() async {
        for lane in lanes.joined() { await lane.close() }
    }

    /// Whether any of them is open.
    var hasConnection: Bool { lanes.contains { $0.contains { $0.pipeline != nil } } }

    /// Where a tenant's short reads go now: to the reactor that the caller runs on, if there is one, so that nobody
    /// changes threads; else to the tenant's.
    ///
    /// - Returns: `nil` if all lanes are held up by something slow, or have no connection now; then they look for the
    ///   server sooner.
    func pipeline(for tenant: TenantID) -> Pipeline? {
        var home = 0
        if let current = reactors.reactors.firstIndex(where: \.isCurrent) {
            home = current
        } else {
            home = reactors.position(for: tenant)
        }
        if let pipeline = best(lanes[home]) { return pipeline }
        for (position, others) in lanes.enumerated() where position != home {
            if let pipeline = best(others) { return pipeline }
        }
        return nil
    }

    /// Why there is no connection; `nil` if there is one.
    var error: TenancyError? {
        if hasConnection { return nil }
        return lanes.joined().lazy.compactMap(\.error).first
            ?? TenancyError(
                .unavailable, "There is no connection to the server.", hint: "Repeat; new ones are being made.")
    }

    /// The lane with the least under way.
    private func best(_ lanes: [Lane]) -> Pipeline? {
        var best: Pipeline?
        var least = Int.max
        for lane in lanes {
            guard let pipeline = lane.pipeline else {
                lane.miss()
                continue
            }
            let count = pipeline.load.count
            if count == 0 { return pipeline }
            if count < least, pipeline.load.silence < Self.patience { (best, least) = (pipeline, count) }
        }
        return best
    }
}
