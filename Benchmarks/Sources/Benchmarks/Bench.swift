import ArgumentParser
import Foundation

@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the SDK beside the C libraries below it, or the least that could do the same.",
        discussion: """
            Ours and the floor run in turn, five rounds each; the medians count. Times are those of one operation. \
            Figures are worth something on a machine that does nothing else.
            """)

    @Argument(help: "Which benchmarks to run; all, if none is named.")
    var names: [String] = []

    @Flag(help: "Print each result as a JSON object on its own line.")
    var json = false

    @Flag(help: "Fail if a result misses its threshold in Benchmarks/thresholds.json.")
    var check = false

    @Option(help: "How long to measure for each result.")
    var seconds = 6.0

    func validate() throws {
        guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds lies outside 0…3600.") }
        let known = Self.all.map { $0.name }
        for name in names where !known.contains(name) {
            throw ValidationError("There is no benchmark '\(name)'. There are: \(known.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let directory = try Directory()
        let results: [Measurement]
        do {
            results = try await measure(directory)
        } catch {
            directory.removeAll()
            throw error
        }
        directory.removeAll()
        if check { try compare(results) }
    }

    private static var all: [any Benchmark.Type] {
        [SQLiteRead.self, SQLiteBulk.self, CacheMemoryHit.self, CacheMemoryRead.self]
    }

    private func measure(_ directory: Directory) async throws -> [Measurement] {
        let printer = Printer(isJSON: json)
        printer.begin()
        var results: [Measurement] = []
        for benchmark in Self.all where names.isEmpty || names.contains(benchmark.name) {
            for result in try await benchmark.run(seconds: seconds, directory: directory) {
                printer.print(result)
                results.append(result)
            }
        }
        return results
    }

    private func compare(_ results: [Measurement]) throws {
        let measured = Set(results.map(\.name))
        let misses = try Threshold.all().filter { names.isEmpty || measured.contains($0.name) }
            .flatMap { $0.misses(in: results) }
        for miss in misses { FileHandle.standardError.write(Data("missed: \(miss)\n".utf8)) }
        if !misses.isEmpty { throw ExitCode.failure }
    }
}
