import ArgumentParser
import Foundation
import Tenancy

@main
struct Quickstart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quickstart",
        abstract: "Loads real flights, makes every airline a tenant, and shows that none reaches another's.",
        discussion: """
            Exit codes:
              0    every claim that is shown was checked and is true
              1    a claim is not true, or the run could not reach its end
              2    all claims are true, and rows of the CSV could not be loaded
              64   an option is unknown or wrong
              130  interrupted (143 when terminated); what was written is removed
            """)

    @Flag(help: "Load all 336,776 flights, which scripts/quickstart fetches, instead of the sample.")
    var full = false

    @Option(help: ArgumentHelp("Read the CSV files of this directory.", valueName: "directory"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Where the tenants are kept: sqlite, removed in the end; sqlite:PATH, kept there; or postgres://USER:PASSWORD@HOST/DATABASE, in a schema that is removed in the end.",
            valueName: "database"
        ))
    var database = "sqlite"

    @Option(
        help: ArgumentHelp(
            """
            The address of the same PostgreSQL database for the role that makes the tables; TENANCY_DATABASE_ADMIN in \
            the environment does as well. The role of --database must not own them.
            """, valueName: "database"))
    var databaseAdmin: String?

    @Option(help: "With SQLite: shared, all tenants in one file; file-per-tenant, each in its own. (default: shared)")
    var model: ModelOption?

    @Option(
        help: ArgumentHelp(
            """
            Where is kept what was read: memory, this process's; or redis://USER:PASSWORD@HOST/NUMBER, a database that no \
            other application has such tenants in, and from which the airlines' entries are removed before the run and \
            after it.
            """, valueName: "cache"))
    var cache = "memory"

    @Flag(help: "Print the figures as one JSON object on the last line.")
    var json = false

    func validate() throws {
        _ = try CacheAddress(cache)
        if full, data != nil { throw ValidationError("--full and --data can't be used together.") }
        guard case .postgres = try DatabaseAddress(database) else {
            if databaseAdmin != nil { throw ValidationError("--database-admin is for postgres:// only.") }
            return
        }
        if model != nil { throw ValidationError("--model is for SQLite only.") }
        if adminAddress == nil {
            throw ValidationError(
                "--database: PostgreSQL needs a second role, which makes the tables and owns them. Pass --database-admin, "
                    + "or set TENANCY_DATABASE_ADMIN; docs/postgres.md says how to make both roles.")
        }
    }

    func run() async throws {
        let interruption = Interruption()
        do {
            let code = try await interruption.running { [self] in try await show() }
            if code != 0 { throw ExitCode(code) }
        } catch let code as ExitCode {
            throw code
        } catch {
            let signal = interruption.signal
            if json {
                var summary = Summary()
                summary.add("ok", false)
                summary.add("error", signal == nil ? "\(error)" : "interrupted")
                print(summary.json)
            }
            guard let signal else { throw error }
            FileHandle.standardError.write(Data("Interrupted. What was written is removed.\n".utf8))
            throw ExitCode(128 + signal)
        }
    }

    /// - Returns: The exit code.
    private func show() async throws -> Int32 {
        let dataset =
            if let data { Dataset(directory: URL(filePath: data), kind: "given") } else if full {
                try Dataset.full()
            } else {
                Dataset.sample
            }
        try dataset.check()
        let terminal = Terminal()
        let report = Report(hasColor: terminal.hasColor)
        // First what makes nothing.
        let cache = try cachePlace()
        let place = try place()
        let outcome: Show.Outcome
        do {
            outcome = try await Show(
                dataset: dataset, place: place, cache: cache, report: report, terminal: terminal
            ).run()
            try Task.checkCancellation()
        } catch {
            await place.remove(isUnfinished: true)
            throw error
        }
        await place.remove(isUnfinished: false)

        let code: Int32 = !report.failed.isEmpty ? 1 : outcome.rejections.isEmpty ? 0 : 2
        tell(outcome, report)
        if code == 2 { report.line("Rows of the CSV could not be loaded: exit code 2.") }
        if json { print(summary(outcome, report, dataset, place, cache, isOK: code == 0).json) }
        return code
    }

    private func place() throws -> any DatabasePlace {
        switch try DatabaseAddress(database) {
        case .temporary: return try SQLitePlace(path: nil, model ?? .shared)
        case .path(let path): return try SQLitePlace(path: path, model ?? .shared)
        case .postgres(let address):
            #if Postgres
                return try PostgresPlace(address, admin: adminAddress ?? "")
            #else
                throw QuickstartError("This build has no PostgreSQL.", hint: "Build with --traits Postgres.")
            #endif
        }
    }

    private func cachePlace() throws -> any CachePlace {
        switch try CacheAddress(cache) {
        case .memory: return MemoryCachePlace()
        case .redis(let address):
            #if Redis
                return try RedisPlace(address)
            #else
                throw QuickstartError("This build has no Redis.", hint: "Build with --traits Redis.")
            #endif
        }
    }

    private var adminAddress: String? {
        databaseAdmin ?? ProcessInfo.processInfo.environment["TENANCY_DATABASE_ADMIN"]
    }

    private func tell(_ outcome: Show.Outcome, _ report: Report) {
        report.section("Result")
        report.line("\(report.claims - report.failed.count) of \(report.claims) claims are true")
        for claim in report.failed { report.line("not true: \(claim)") }
        report.line("\(Text.number(outcome.attempts)) attempts to reach another airline's rows, \(outcome.leaks) leaks")
        report.line(
            "\(Text.number(outcome.flights)) flights of \(outcome.tenants) airlines, "
                + "\(Text.number(Int(outcome.flightsPerSecond))) written a second")
        report.line("\(Text.tenths(ProcessMemory.peakMebibytes)) MiB of memory at most")
    }

    private func summary(
        _ outcome: Show.Outcome, _ report: Report, _ dataset: Dataset, _ place: any DatabasePlace,
        _ cache: any CachePlace, isOK: Bool
    ) -> Summary {
        var summary = Summary()
        summary.add("ok", isOK)
        summary.add("tenants", outcome.tenants)
        summary.add("rows", outcome.flights)
        summary.add("rows_per_second", outcome.flightsPerSecond.rounded())
        summary.add("load_seconds", outcome.loadDuration.seconds)
        summary.add("rejected", outcome.rejections.count)
        summary.add("attempts", outcome.attempts)
        summary.add("leaks", outcome.leaks)
        summary.add("hit_rate", outcome.cache.hitRate)
        summary.add("first_read_microseconds", outcome.cache.firstRead.microseconds)
        summary.add("second_read_microseconds", outcome.cache.secondRead.microseconds)
        summary.add("peak_rss_mib", ProcessMemory.peakMebibytes)
        summary.add("claims", report.claims)
        summary.add("failed_claims", report.failed)
        summary.add("data", dataset.kind)
        summary.add("database", place.name)
        summary.add("model", place.model)
        summary.add("cache", cache.name)
        return summary
    }
}
