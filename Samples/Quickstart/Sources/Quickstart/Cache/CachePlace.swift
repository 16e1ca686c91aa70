import Tenancy

/// Where a run keeps what it has read.
protocol CachePlace: Sendable {
    /// What it is, for `--json`.
    var name: String { get }
    /// What it is, for people.
    var explanation: String { get }
    /// What the SDK is to put in front of the database.
    var source: CacheSource { get }

    /// Removes what it holds of these tenants, before a run and after it: what an earlier run with another database left
    /// would be taken for this one's.
    func clear(_ tenants: [TenantID]) async throws
}

/// A cache that ends with the process.
struct MemoryCachePlace: CachePlace {
    let name = "memory"
    let explanation = "in this process"
    let source = CacheSource.memory()

    func clear(_ tenants: [TenantID]) {}
}
