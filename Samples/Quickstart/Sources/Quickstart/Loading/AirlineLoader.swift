import Tenancy

/// Makes every airline a tenant.
struct AirlineLoader {
    let sdk: MultiTenantSDK
    let dataset: Dataset

    /// The airlines that are tenants now, by their ids, and the rows that none could be made of.
    func run() async throws -> (airlines: [Airline], rejections: [Rejection]) {
        var table = try RowTable<Airline>(dataset)
        for airline in table.rows.values.sorted(by: { $0.id < $1.id }) {
            do throws(TenancyError) {
                try await sdk.tenants.create(TenantID(airline.id), name: airline.name)
            } catch {
                guard error.code == .invalidTenantID || error.code == .invalidValue else { throw error }
                table.reject(airline.id, error.message)
            }
        }
        return (table.rows.values.sorted { $0.id < $1.id }, table.rejections)
    }
}
