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

    @Flag(
        help: """
            Fail if a result misses its threshold in Benchmarks/thresholds.json. What misses is measured up to twice more, \
            and passes if it reaches it once.
            """)
    var check = false

    @Flag(help: "With --check: compare ratios alone, and no time or size by itself, which is this machine's.")
    var ratiosOnly = false

    @Option(help: "With --check: by how much a threshold may be missed, as a part of it.")
    var margin = 0.0

    @Option(help: "How long to measure for each result.")
    var seconds = 6.0

    func validate() throws {
        guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds lies outside 0…3600.") }
        guard margin >= 0, margin < 1 else { throw ValidationError("--margin lies outside 0..<1.") }
        let known = Self.all.map { $0.name }
        for name in names where !known.contains(name) {
            throw ValidationError("There is no benchmark '\(name)'. There are: \(known.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let directory = try Directory()
        do {
            try await measure(directory)
        } catch {
            directory.removeAll()
            throw error
        }
        directory.removeAll()
    }

    private static var all: [any Benchmark.Type] {
        var all: [any Benchmark.Type] = [
            SQLiteRead.self, SQLiteBulk.self, CacheMemoryHit.self, CacheMemoryRead.self, ManagerHitL1.self,
        ]
        #if Postgres
            all += [
                PostgresRead.self, PostgresReadUsual.self, PostgresBulk.self, PostgresMixed.self, PostgresPage.self,
                PostgresSearch.self, PostgresStream.self,
            ]
        #endif
        #if Redis
            all += [RedisGet.self, RedisMget.self, RedisSet.self]
        #endif
        #if Postgres && Redis
            all += [ManagerHitL2.self, ManagerMiss.self, ManagerWrite.self, Stampede.self, CacheWorkload.self]
        #endif
        return all
    }

    private func measure(_ directory: Directory) async throws {
        let printer = Printer(isJSON: json)
        printer.begin()
        let thresholds = check ? try Threshold.all() : []
        var misses: [String] = []
        for benchmark in Self.all where names.isEmpty || names.contains(benchmark.name) {
            var open = thresholds.filter { $0.name == benchmark.name }
            for attempt in 1...Self.attempts {
                let results = try await benchmark.run(seconds: seconds, directory: directory)
                results.forEach(printer.print)
                open.removeAll { $0.misses(in: results, tolerance: tolerance).isEmpty }
                if open.isEmpty { break }
                let missed = open.flatMap { $0.misses(in: results, tolerance: tolerance) }
                guard attempt == Self.attempts else {
                    report("measuring again", missed)
                    continue
                }
                misses += missed
            }
        }
        report("missed", misses)
        if !misses.isEmpty { throw ExitCode.failure }
    }

    /// How often a benchmark is measured before a missed threshold counts.
    private static let attempts = 3

    private var tolerance: Tolerance { Tolerance(margin: margin, isRelative: ratiosOnly) }

    private func report(_ what: String, _ misses: [String]) {
        for miss in misses { FileHandle.standardError.write(Data("\(what): \(miss)\n".utf8)) }
    }
}
