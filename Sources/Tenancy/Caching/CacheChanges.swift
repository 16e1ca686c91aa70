import TenancyCore

/// What one tenant's write changes: records by key, and whole entities where only the database knows which records, or
/// where they are many.
struct CacheChanges: Sendable {
    private(set) var keys: [EntityDescription: Set<Value>] = [:]
    private(set) var entities: Set<EntityDescription> = []

    init(entities: Set<EntityDescription> = []) { self.entities = entities }

    /// Changes of an entity's records.
    ///
    /// - Parameters:
    ///   - keys: The records; `nil` for all that there may be.
    ///   - bulkThreshold: From how many records on the whole entity is meant.
    init(_ entity: EntityDescription, keys: [Value]?, bulkThreshold: Int) {
        if let keys, keys.count < bulkThreshold { self.keys[entity] = Set(keys) } else { entities = [entity] }
    }

    var isEmpty: Bool { keys.isEmpty && entities.isEmpty }

    mutating func merge(_ other: CacheChanges) {
        entities.formUnion(other.entities)
        keys.merge(other.keys) { $0.union($1) }
    }
}
