import Tenancy

/// Gives every airline the airports that it serves and the planes that it flies, and no others: what a tenant has no
/// use for is not there to be found.
struct ReferenceLoader {
    /// What was loaded.
    struct Outcome {
        var airports = 0
        var planes = 0
        /// Codes of airports and tail numbers that flights name and the files don't have.
        var unknown: Set<String> = []
        var rejections: [Rejection] = []
    }

    let sdk: MultiTenantSDK
    let dataset: Dataset

    func run(_ facts: [String: AirlineFacts]) async throws -> Outcome {
        let airports = try Airport.read(dataset)
        let planes = try Plane.read(dataset)
        var outcome = Outcome()
        outcome.rejections = airports.rejections + planes.rejections
        for (airline, facts) in facts.sorted(by: { $0.key < $1.key }) {
            let handle = try await sdk.tenant(airline)
            let served = facts.airports.sorted().compactMap { airports.rows[$0] }
            let flown = facts.planes.sorted().compactMap { planes.rows[$0] }
            outcome.airports += try await handle.bulkCreate(served).affected
            outcome.planes += try await handle.bulkCreate(flown).affected
            outcome.unknown.formUnion(facts.airports.filter { airports.rows[$0] == nil })
            outcome.unknown.formUnion(facts.planes.filter { planes.rows[$0] == nil })
        }
        return outcome
    }
}
