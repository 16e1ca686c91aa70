import Tenancy

/// Gives every airline the airports that it serves and the planes that it flies, and no others: what a tenant has no
/// use for is not there to be found.
struct ReferenceLoader {
    /// What was loaded.
    struct Outcome {
        /// The codes of each airline's airports.
        var airports: [String: Set<String>] = [:]
        /// The tail numbers of each airline's planes.
        var planes: [String: Set<String>] = [:]
        /// Codes and tail numbers that flights name, and that the files don't have or that were refused.
        var unknown: Set<String> = []
        var rejections: [Rejection] = []
    }

    let sdk: MultiTenantSDK
    let dataset: Dataset

    func run(_ facts: [String: AirlineFacts]) async throws -> Outcome {
        var airports = try RowTable<Airport>(dataset)
        var planes = try RowTable<Plane>(dataset)
        var outcome = Outcome()
        for (airline, facts) in facts.sorted(by: { $0.key < $1.key }) {
            let handle = try await sdk.tenant(airline)
            let served = try await load(facts.airports, of: &airports, handle)
            let flown = try await load(facts.planes, of: &planes, handle)
            outcome.airports[airline] = served
            outcome.planes[airline] = flown
            outcome.unknown.formUnion(facts.airports.subtracting(served))
            outcome.unknown.formUnion(facts.planes.subtracting(flown))
        }
        outcome.rejections = airports.rejections + planes.rejections
        return outcome
    }

    /// - Returns: The ids of the rows that are stored.
    private func load<Row: FileRow & Entity>(
        _ ids: Set<String>, of table: inout RowTable<Row>, _ handle: TenantHandle
    ) async throws -> Set<String> {
        let written = try await table.batch(ids, for: handle.id.rawValue).write(to: handle)
        for rejection in written.rejections { table.reject(rejection) }
        return Set(written.stored.map(\.id))
    }
}
