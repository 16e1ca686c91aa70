import Tenancy

/// Each airline's flights, as its handle counts them, against those of the CSV.
struct CountCheck {
    let stage: Stage
    let dataset: Dataset

    /// - Parameter rejected: Lines that were reported as not loaded.
    func run(rejected: Set<Int>) async throws {
        stage.report.section("Every airline's flights, against the CSV's own count")
        let lines = try count(except: rejected)
        var total = 0
        for airline in stage.airlines {
            let stored = try await stage.sdk.tenant(airline.id).query(Flight.self).count()
            total += stored
            let inFile = lines[airline.id] ?? 0
            let figures = "\(Text.right(Text.number(stored), 8)) of \(Text.right(Text.number(inFile), 8))"
            stage.report.claim("\(Text.left(airline.id, 4))\(airline.name)", stored == inFile, figures)
        }
        let audited = try await auditedTotal()
        stage.report.claim(
            "all together, by system access, which is on record", audited == total, Text.right(Text.number(total), 8))
    }

    /// Reads nothing but the airline's code, and nothing of what the loader read.
    private func count(except rejected: Set<Int>) throws -> [String: Int] {
        var csv = try dataset.flights()
        let carrier = try csv.column("carrier")
        var counts: [String: Int] = [:]
        while true {
            switch try csv.next() {
            case .end: return counts
            case .malformed: continue
            case .record:
                if !rejected.contains(csv.line), let code = try csv.text(carrier) { counts[code, default: 0] += 1 }
            }
        }
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
