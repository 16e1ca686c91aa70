import Foundation

/// What a benchmark must reach: an entry of `thresholds.json`.
struct Threshold: Decodable {
    let name: String
    let tasks: Int
    /// Which floor is meant, by how its name begins; the first, if none is named.
    let floor: String?
    /// Which executor is meant, if the benchmark distinguishes.
    let executor: String?
    let minimumRatio: Double?
    /// Of the time of a hundredth of our callers to that of the floor's.
    let maximumP99Ratio: Double?
    let maximumNanoseconds: Double?
    let maximumCpuMicroseconds: Double?
    let maximumMebibytesAboveIdle: Double?
    let minimumHitRate: Double?
    let minimumStatementsSaved: Double?
    /// Never with a margin: how often something is loaded is no matter of speed.
    let maximumLoads: Double?

    /// All of them, from the file beside the package's manifest.
    static func all() throws -> [Threshold] {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Threshold].self, from: Data(contentsOf: package.appending(path: "thresholds.json")))
    }

    /// What was missed, in words, if anything was.
    func misses(in results: [Measurement], tolerance: Tolerance) -> [String] {
        guard let result = results.first(where: isMeant) else { return ["\(label) was not measured"] }
        var misses: [String] = []
        if let minimumRatio, !(result.ratio >= minimumRatio * (1 - tolerance.margin)) {
            misses.append("\(text(result.ratio)) of the floor, and it must reach \(minimumRatio)")
        }
        if let maximumP99Ratio {
            let ratio = result.p99Ratio ?? .nan
            if !(ratio <= maximumP99Ratio * (1 + tolerance.margin)) {
                misses.append("p99 is \(text(ratio)) of the floor's, and may be \(maximumP99Ratio)")
            }
        }
        let parts = [
            (result.hitRate, minimumHitRate, "of all look-ups are hits"),
            (result.statementsSaved, minimumStatementsSaved, "of all statements are saved"),
        ]
        for (value, limit, what) in parts {
            guard let limit, !((value ?? .nan) >= limit) else { continue }
            misses.append("\(text(value ?? .nan)) \(what), and it must reach \(limit)")
        }
        if let maximumLoads, !((result.loads ?? .nan) <= maximumLoads) {
            misses.append("\(text(result.loads ?? .nan)) loads, and \(text(maximumLoads)) are the most")
        }
        guard !tolerance.isRelative else { return misses.map { "\(label): \($0)" } }
        let limits = [
            (result.nanosecondsPerOperation, maximumNanoseconds, "ns an operation"),
            (result.cpuMicrosecondsPerOperation, maximumCpuMicroseconds, "µs of processor time an operation"),
            (result.mebibytesAboveIdle ?? .nan, maximumMebibytesAboveIdle, "MiB more than idle"),
        ]
        for (value, limit, unit) in limits {
            guard let limit, !(value <= limit * (1 + tolerance.margin)) else { continue }
            misses.append("\(text(value)) \(unit), and \(text(limit)) is the most")
        }
        return misses.map { "\(label): \($0)" }
    }

    private var label: String {
        name + " with \(tasks) tasks" + (executor.map { " on executor \($0)" } ?? "")
            + (floor.map { " against '\($0)'" } ?? "")
    }

    private func isMeant(_ result: Measurement) -> Bool {
        result.name == name && result.tasks == tasks && (floor.map { result.floor.hasPrefix($0) } ?? true)
            && (executor == nil || executor == result.executor)
    }

    private func text(_ value: Double) -> String { String(format: value < 10 ? "%.3f" : "%.0f", value) }
}

/// What a check makes of figures from a machine that does something else at the same time.
struct Tolerance {
    /// By how much a threshold may be missed, as a part of it.
    var margin = 0.0
    /// Whether only what is compared with a floor of the same run counts, and no time or size by itself.
    var isRelative = false
}
