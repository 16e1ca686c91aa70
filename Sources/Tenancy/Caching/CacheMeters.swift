import Synchronization
import TenancyCore

/// What an SDK's use of the cache amounts to, by classes of tenants, of which there are few.
final class CacheMeters: Sendable {
    private let classes = Mutex<[String: CacheStatistics]>([:])
    private let classOf: @Sendable (TenantID) -> String?

    /// How many classes are told apart. Further ones, and tenants of which nothing is known, are `other`: a label of
    /// metrics must not have as many values as there are tenants.
    static let maximumClasses = 32
    static let otherClass = "other"

    init(classOf: @escaping @Sendable (TenantID) -> String?) { self.classOf = classOf }

    /// Has the body count something for a tenant.
    func count(for tenant: TenantID, _ body: (inout CacheStatistics) -> Void) {
        let name = classOf(tenant) ?? Self.otherClass
        classes.withLock { classes in
            let isKnown = classes[name] != nil || classes.count < Self.maximumClasses
            body(&classes[isKnown ? name : Self.otherClass, default: CacheStatistics()])
        }
    }

    /// What was counted, by class.
    var byClass: [String: CacheStatistics] { classes.withLock(\.self) }

    /// What was counted altogether.
    var total: CacheStatistics { byClass.values.reduce(into: CacheStatistics()) { $0.add($1) } }
}
