/// Something that is measured, beside the least that it could cost.
///
/// One type in one file for each; ``Bench`` names them.
protocol Benchmark {
    /// By which it is asked for.
    static var name: String { get }

    /// Measures, and returns a result for each number of tasks.
    ///
    /// - Parameters:
    ///   - seconds: How long each result may take, ours and the floor together.
    ///   - directory: Where files may be put, which is removed afterwards.
    static func run(seconds: Double, directory: Directory) async throws -> [Measurement]
}

/// Why a benchmark can't be run, or measured something else than it says.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
