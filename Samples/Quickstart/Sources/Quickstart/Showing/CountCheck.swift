import Foundation
import Tenancy

/// Each airline's flights, as its handle counts them, against those of the CSV.
struct CountCheck {
    let stage: Stage
    let dataset: Dataset

    /// - Parameter rejected: Lines that were reported as not loaded.
    func run(rejected: Set<Int>) async throws {
        stage.report.section("Every airline's flights, against the CSV's own count")
        let file = dataset.directory.appending(path: "flights.csv")
        let lines = try PlainCount(Data(contentsOf: file, options: .mappedIfSafe), except: rejected)
        var total = 0
        for airline in stage.airlines {
            let stored = try await stage.sdk.tenant(airline.id).query(Flight.self).count()
            total += stored
            let inFile = lines.byCarrier[airline.id] ?? 0
            let figures = "\(Text.right(Text.number(stored), 8)) of \(Text.right(Text.number(inFile), 8))"
            stage.report.claim("\(Text.left(airline.id, 4))\(airline.name)", stored == inFile, figures)
        }
        stage.report.claim(
            "every line of the CSV is loaded, or reported as not loaded",
            total == lines.total && lines.rejected == rejected.count,
            "\(Text.right(Text.number(total), 8)) of \(Text.right(Text.number(lines.total), 8))")
        if let known = dataset.knownFlights {
            stage.report.claim(
                "they are as many as the data set is known to have", total + rejected.count == known,
                Text.right(Text.number(known), 8))
        }
        let audited = try await auditedTotal()
        stage.report.claim(
            "all together, by system access, which is on record", audited == total, Text.right(Text.number(total), 8))
    }

    /// The one way across tenants. It leaves a record of who had access and why, without which there is no total.
    private func auditedTotal() async throws -> Int? {
        let reason = "the quickstart's total"
        return try await stage.sdk.withSystemAccess(reason: reason, actor: "quickstart") { system in
            var total = 0
            try await system.forEachTenant { _, handle in total += try await handle.query(Flight.self).count() }
            let trail = try await system.auditTrail(size: 1)
            return trail.items.first?.reason == reason ? total : nil
        }
    }
}
