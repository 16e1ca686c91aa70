import TenancyCore

/// The tables of all entities. Made once, when the adapter starts.
struct Schema: Sendable {
    let plans: [TablePlan]
    /// Everything that decides what the tables look like, as one text.
    let digest: String

    private let positions: [ObjectIdentifier: Int]

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/schemaInvalid`` if a declaration contradicts itself or two
    ///   entities have one name.
    init(_ entities: [EntityDescription]) throws(TenancyError) {
        for entity in entities {
            if let problem = entity.problems.first {
                throw TenancyError(.schemaInvalid, problem, details: .init(entity: entity.name))
            }
        }
        let names = Dictionary(grouping: entities, by: \.name)
        if let twice = names.first(where: { $0.value.count > 1 }) {
            throw TenancyError(.schemaInvalid, "Two entities have one name.", details: .init(entity: twice.key))
        }
        plans = entities.enumerated().map { TablePlan($0.element, index: $0.offset) }
        positions = Dictionary(uniqueKeysWithValues: plans.map { (ObjectIdentifier($0.entity), $0.index) })
        digest = plans.map { plan in
            let text = TableText(plan: plan)
            let objects = text.indexes.values.sorted() + text.triggers.values.sorted() + [text.search ?? ""]
            let fields = plan.entity.fields.map(SchemaUpdate.declaration).joined(separator: ",")
            return ([text.table(named: plan.name), fields] + objects).joined(separator: ";")
        }.sorted().joined(separator: "\n")
    }

    /// The plan of an entity.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/entityNotRegistered``.
    func plan(of entity: EntityDescription) throws(TenancyError) -> TablePlan {
        guard let position = positions[ObjectIdentifier(entity)] else {
            throw TenancyError(
                .entityNotRegistered, "The entity is not among those that the database was started with.",
                details: .init(entity: entity.name))
        }
        return plans[position]
    }
}
