import Tenancy

/// A transaction that fails after it has changed much.
struct TransactionDemo {
    let stage: Stage

    /// What the body throws, with what it saw before.
    private struct NoCrew: Error {
        let sawItsChanges: Bool
    }

    func run() async throws {
        guard let airline = stage.largest else {
            return stage.report.claim("there is an airline with flights to show a transaction with", false)
        }
        stage.report.section("A transaction that rolls back")
        let handle = try await stage.sdk.tenant(airline.id)
        guard let flight = try await handle.query(Flight.self).sorted(by: \.id).first() else {
            return stage.report.claim("there is a flight to change", false)
        }
        let before = try await handle.fingerprint()

        var thrown: NoCrew?
        do {
            try await handle.transaction { transaction in
                var changed = flight
                changed.distance += 1
                try await transaction.update(changed)
                try await transaction.query(Flight.self).where { $0.origin != flight.origin }.delete()
                let isChanged = try await transaction.read(Flight.self, flight.id) == changed
                let inside = try await transaction.fingerprint()
                throw NoCrew(sawItsChanges: inside != before && isChanged)
            }
        } catch let error as NoCrew {
            thrown = error
        }
        stage.report.claim("the transaction sees its own changes", thrown?.sawItsChanges == true)
        stage.report.claim("its caller gets the very error that it threw", thrown != nil)
        let after = try await handle.fingerprint()
        let read = try await handle.read(Flight.self, flight.id)
        stage.report.claim(
            "nothing of it is left, in the database or in the cache", after == before && read == flight)
    }
}
