import Foundation

/// What a benchmark must reach: an entry of `thresholds.json`.
struct Threshold: Decodable {
    let name: String
    let tasks: Int
    let minimumRatio: Double?
    let maximumNanoseconds: Double?

    /// All of them, from the file beside the package's manifest.
    static func all() throws -> [Threshold] {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Threshold].self, from: Data(contentsOf: package.appending(path: "thresholds.json")))
    }

    /// What was missed, in words, if anything was.
    func misses(in results: [Measurement]) -> [String] {
        guard let result = results.first(where: { $0.name == name && $0.tasks == tasks }) else {
            return ["\(name) with \(tasks) tasks was not measured"]
        }
        var misses: [String] = []
        if let minimumRatio, result.ratio < minimumRatio {
            misses.append(
                "\(name) with \(tasks) tasks: \(String(format: "%.3f", result.ratio)) of the floor, "
                    + "and it must reach \(minimumRatio)")
        }
        if let maximumNanoseconds, result.nanosecondsPerOperation > maximumNanoseconds {
            misses.append(
                "\(name) with \(tasks) tasks: \(String(format: "%.0f", result.nanosecondsPerOperation)) ns, "
                    + "and it must take \(String(format: "%.0f", maximumNanoseconds)) at most")
        }
        return misses
    }
}
