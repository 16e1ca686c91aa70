import ArgumentParser
import Foundation
import Tenancy

@main
struct Quickstart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quickstart",
        abstract: "Loads real flights, makes every airline a tenant, and shows that none reaches another's.",
        discussion: """
            Exit codes: 0 if every claim that is shown was checked and is true; 1 if one is not, or nothing could be \
            shown; 2 if all are true and rows of the CSV could not be loaded.
            """)

    @Flag(help: "Load all 336,776 flights, which scripts/quickstart fetches, instead of the sample.")
    var full = false

    @Option(help: ArgumentHelp("Read the CSV files of this directory.", valueName: "directory"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Where the tenants are kept: sqlite, or sqlite:PATH to keep them; without a path they are removed in the end.",
            valueName: "database"))
    var database = DatabaseOption.temporary

    @Option(help: "shared: all tenants in one file; file-per-tenant: each in its own.")
    var model = ModelOption.shared

    @Flag(help: "Print the figures as one JSON object on the last line.")
    var json = false

    func validate() throws {
        if full, data != nil { throw ValidationError("--full and --data can't be used together.") }
    }

    func run() async throws {
        let dataset =
            if let data { Dataset(directory: URL(filePath: data), kind: "given") } else if full {
                try Dataset.full()
            } else {
                Dataset.sample
            }
        let place = try DatabasePlace(database, model)
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let hasColor = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        let report = Report(hasColor: hasColor)
        let outcome: Show.Outcome
        do {
            outcome = try await Show(dataset: dataset, place: place, report: report, isTerminal: isTerminal).run()
        } catch {
            place.remove()
            if json { print(failure(error).json) }
            throw error
        }
        place.remove()
        report.section("Result")
        report.line("\(report.claims - report.failed.count) of \(report.claims) claims are true.")
        for claim in report.failed { report.line("Not true: \(claim)") }
        report.line(
            "\(Text.number(outcome.flights)) flights of \(outcome.tenants) tenants, "
                + "\(Text.number(Int(outcome.flightsPerSecond))) a second; \(outcome.leaks) leaks; "
                + "\(Text.tenths(ProcessMemory.peakMebibytes)) MiB of memory at most.")
        let code: Int32 = !report.failed.isEmpty ? 1 : outcome.rejections.isEmpty ? 0 : 2
        if code == 2 { report.line("\(outcome.rejections.count) rows could not be loaded: exit code 2.") }
        if json { print(summary(outcome, report, dataset, isOK: code == 0).json) }
        if code != 0 { throw ExitCode(code) }
    }

    private func failure(_ error: any Error) -> Summary {
        var summary = Summary()
        summary.add("ok", false)
        summary.add("error", "\(error)")
        return summary
    }

    private func summary(_ outcome: Show.Outcome, _ report: Report, _ dataset: Dataset, isOK: Bool) -> Summary {
        var summary = Summary()
        summary.add("ok", isOK)
        summary.add("tenants", outcome.tenants)
        summary.add("rows", outcome.flights)
        summary.add("rows_per_second", outcome.flightsPerSecond.rounded())
        summary.add("load_seconds", outcome.loadDuration.seconds)
        summary.add("rejected_rows", outcome.rejections.count)
        summary.add("attempts", outcome.attempts)
        summary.add("leaks", outcome.leaks)
        summary.add("hit_rate", outcome.cache.hitRate)
        summary.add("first_read_microseconds", outcome.cache.firstRead.microseconds)
        summary.add("second_read_microseconds", outcome.cache.secondRead.microseconds)
        summary.add("peak_rss_mib", ProcessMemory.peakMebibytes)
        summary.add("claims", report.claims)
        summary.add("failed_claims", report.failed)
        summary.add("data", dataset.kind)
        summary.add("database", "sqlite")
        summary.add("model", model.rawValue)
        return summary
    }
}
