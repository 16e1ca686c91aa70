import Foundation
import Tenancy

/// Each airline's flights, as its handle counts them, against those of the CSV.
struct CountCheck {
    let stage: Stage
    let dataset: Dataset

    /// - Parameter rejected: Lines that were reported as not loaded.
    func run(rejected: Set<Int>) async throws {
        stage.report.section("Every airline's flights, against the CSV's own count")
        stage.report.header("", "stored", "in the CSV")
        let file = dataset.url(of: Flight.file)
        let lines = try PlainCount(Data(contentsOf: file, options: .mappedIfSafe), except: rejected)
        var total = 0
        for airline in stage.airlines {
            let stored = try await stage.sdk.tenant(airline.id).query(Flight.self).count()
            total += stored
            let inFile = lines.byCarrier[airline.id] ?? 0
            stage.report.claim(
                "\(Text.left(airline.id, 4))\(airline.name)", stored == inFile, Text.number(stored),
                Text.number(inFile))
        }
        stage.report.claim(
            "every line of the CSV is loaded, or reported",
            total == lines.total && lines.rejected == rejected.count, Text.number(total), Text.number(lines.total))
        if let known = dataset.knownFlights {
            stage.report.claim(
                "they are as many as the data set is known to have", total + rejected.count == known,
                Text.number(total + rejected.count), Text.number(known))
        }
        let audited = try await auditedTotal()
        stage.report.claim(
            "all together, by system access, which is on record", audited == total, Text.number(audited ?? 0),
            Text.number(lines.total))
        try await checkReferences()
    }

    /// Each airline has the airports that it serves and the planes that it flies, and no others.
    private func checkReferences() async throws {
        var (isRight, airports, planes) = (true, 0, 0)
        for airline in stage.airlines {
            let handle = try await stage.sdk.tenant(airline.id)
            let served = try await handle.query(Airport.self).select(\.id)
            let flown = try await handle.query(Plane.self).select(\.id)
            if Set(served) != stage.airports(of: airline.id) { isRight = false }
            if Set(flown) != stage.references.planes[airline.id] ?? [] { isRight = false }
            airports += served.count
            planes += flown.count
        }
        stage.report.claim("each has the airports that it serves and the planes that it flies", isRight)
        stage.report.line(
            "  \(Text.number(airports)) airports and \(Text.number(planes)) planes, counted once for each airline")
        let unknown = stage.references.unknown.count
        if unknown > 0 {
            stage.report.line("  \(Text.number(unknown)) others that flights name are in no file, or were refused")
        }
    }

    /// The one way across tenants.
    ///
    /// - Returns: `nil` unless there is a record of who had access, why, how it ended, and of every tenant it reached.
    private func auditedTotal() async throws -> Int? {
        let (actor, reason) = ("quickstart", "the quickstart's total")
        // Instants are compared by the millisecond, so that the end lies well behind what happens now.
        let period = Timestamp.now..<Timestamp(Date(timeIntervalSinceNow: 3_600))
        let total = try await stage.sdk.withSystemAccess(reason: reason, actor: actor) { system in
            var total = 0
            try await system.forEachTenant { _, handle in total += try await handle.query(Flight.self).count() }
            return total
        }
        let trail = try await stage.sdk.withSystemAccess(reason: "the record of that", actor: actor) { system in
            try await system.auditTrail(during: period, size: 1_000).items
        }
        let accesses = trail.filter { $0.action == .systemAccess && $0.reason == reason }
        guard let access = accesses.first, accesses.count == 1 else { return nil }
        let reached = trail.filter { $0.action == .tenantReached && $0.access == access.id }
        let isOnRecord =
            access.actor == actor && access.outcome == "completed" && access.tenantCount == stage.airlines.count
            && reached.compactMap(\.tenant).sorted() == stage.airlines.map(\.id).sorted()
            && reached.allSatisfy { $0.actor == actor && $0.reason == reason }
        return isOnRecord ? total : nil
    }
}
