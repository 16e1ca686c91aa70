import TenancyCore

/// What one tenant's write changes: records by key, and whole entities where only the database knows which records, or
/// where they are many.
struct CacheChanges: Sendable {
    private(set) var keys: [EntityDescription: Set<Value>] = [:]
    private(set) var entities: Set<EntityDescription> = []

    private var bulkThreshold = Int.max

    init(entities: Set<EntityDescription> = []) { self.entities = entities }

    /// Changes of an entity's records.
    ///
    /// - Parameters:
    ///   - keys: The records; `nil` for all that there may be.
    ///   - bulkThreshold: From how many records on the whole entity is meant.
    init(_ entity: EntityDescription, keys: [Value]?, bulkThreshold: Int) {
        self.bulkThreshold = bulkThreshold
        if let keys, keys.count < bulkThreshold { self.keys[entity] = Set(keys) } else { entities = [entity] }
    }

    var isEmpty: Bool { keys.isEmpty && entities.isEmpty }

    mutating func merge(_ other: CacheChanges) {
        bulkThreshold = min(bulkThreshold, other.bulkThreshold)
        entities.formUnion(other.entities)
        for (entity, changed) in other.keys { keys[entity, default: []].formUnion(changed) }
        // Many small writes of one transaction are a large one, and what is known of a whole entity is known of its keys.
        for (entity, changed) in keys where changed.count >= bulkThreshold { entities.insert(entity) }
        for entity in entities { keys[entity] = nil }
    }
}
