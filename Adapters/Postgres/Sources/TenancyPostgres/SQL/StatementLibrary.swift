import Synchronization
import TenancyCore

/// Compiles statements, each shape once, and lays their values out. Shared by all connections.
final class StatementLibrary: Sendable {
    private enum Shape: Hashable, Sendable {
        case select(SelectStatement.Shape)
        case aggregate(AggregateStatement.Shape)
        case search(SearchStatement.Shape)
        case change(EntityDescription, FilterShape, [ChangeShape])
        case remove(EntityDescription, FilterShape)
    }

    /// The entities' tables in the order in which they were given.
    let plans: [TablePlan]
    private let byEntity: [EntityDescription: TablePlan]
    private let compiled: Mutex<RecentlyUsed<Shape, CompiledStatement>>

    /// - Parameter maximumStatements: How many shapes are kept beside the statements that every entity has.
    init(_ entities: [EntityDescription], schema: String, maximumStatements: Int) {
        let plans = entities.map { TablePlan($0, schema: schema) }
        self.plans = plans
        byEntity = Dictionary(plans.map { ($0.entity, $0) }, uniquingKeysWith: { first, _ in first })
        compiled = Mutex(RecentlyUsed(maximumCount: maximumStatements))
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/entityNotRegistered``.
    func plan(for entity: EntityDescription) throws(TenancyError) -> TablePlan {
        if let plan = byEntity[entity] { return plan }
        throw TenancyError(
            .entityNotRegistered, "The adapter was not started with the entity.", details: .init(entity: entity.name))
    }

    /// Reads by keys, which must be of the key's type.
    func read(
        _ entity: EntityDescription, keys: [Value], _ tenant: TenantID
    ) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: entity)
        guard keys.allSatisfy({ $0.type == entity.key.type }) else {
            throw TenancyError(
                .typeMismatch, "A key is not of the key field's type, which is \(entity.key.type.rawValue).",
                details: .init(entity: entity.name, field: entity.key.name))
        }
        var parameters = ParameterBuffer(capacity: 2)
        parameters.append(text: tenant.rawValue)
        if keys.count == 1 {
            parameters.append(keys[0])
            return BoundStatement(statement: plan.readOne, parameters: parameters)
        }
        parameters.append(array: keys, of: entity.key.type)
        try parameters.checkLengths()
        return BoundStatement(statement: plan.readMany, parameters: parameters)
    }

    func select(_ statement: SelectStatement, _ tenant: TenantID) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: statement.shape.entity)
        var arguments = Arguments(tenant, statement.parameters)
        arguments.limit = statement.limit
        return try arguments.bound(
            to: compile(.select(statement.shape)) { SQLCompiler.select(plan, statement.shape) })
    }

    func aggregate(_ statement: AggregateStatement, _ tenant: TenantID) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: statement.shape.entity)
        return try Arguments(tenant, statement.parameters).bound(
            to: compile(.aggregate(statement.shape)) { SQLCompiler.aggregate(plan, statement.shape) })
    }

    func search(_ statement: SearchStatement, _ tenant: TenantID) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: statement.shape.entity)
        var arguments = Arguments(tenant, statement.parameters)
        arguments.limit = statement.limit
        arguments.search = statement
        return try arguments.bound(
            to: compile(.search(statement.shape)) { () throws(TenancyError) in
                try SQLCompiler.search(plan, statement.shape)
            })
    }

    func change(
        _ entity: EntityDescription, _ filter: FilterShape, _ parameters: [Parameter],
        _ changes: [(column: Int, operation: Assignment.Operation)], _ tenant: TenantID
    ) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: entity)
        var arguments = Arguments(tenant, parameters)
        var shapes: [ChangeShape] = []
        for change in changes {
            switch change.operation {
            case .set(let value):
                shapes.append(ChangeShape(column: change.column, kind: .set))
                arguments.assignments.append(value)
            case .add(let value):
                shapes.append(ChangeShape(column: change.column, kind: .add))
                arguments.assignments.append(value)
            }
        }
        return try arguments.bound(
            to: compile(.change(entity, filter, shapes)) { SQLCompiler.change(plan, filter, shapes) })
    }

    func remove(
        _ entity: EntityDescription, _ filter: FilterShape, _ parameters: [Parameter], _ tenant: TenantID
    ) throws(TenancyError) -> BoundStatement {
        let plan = try plan(for: entity)
        return try Arguments(tenant, parameters).bound(
            to: compile(.remove(entity, filter)) { SQLCompiler.remove(plan, filter) })
    }

    /// Removes all of a tenant's records of an entity.
    func removeSome(_ plan: TablePlan, _ tenant: TenantID) -> BoundStatement {
        var parameters = ParameterBuffer(capacity: 1)
        parameters.append(text: tenant.rawValue)
        return BoundStatement(statement: plan.removeSome, parameters: parameters)
    }

    /// The steps in which a write is carried out.
    func write(_ statement: WriteStatement, _ tenant: TenantID) throws(TenancyError) -> WriteWork {
        WriteWork(statement, plan: try plan(for: statement.entity), tenant: tenant, library: self)
    }

    /// Two callers at once may compile the same shape; one of the two is kept.
    private func compile(
        _ shape: Shape, _ make: () throws(TenancyError) -> CompiledStatement
    ) throws(TenancyError) -> CompiledStatement {
        if let known = compiled.withLock({ $0[shape] }) { return known }
        let made = try make()
        return compiled.withLock { compiled in
            if let known = compiled[shape] { return known }
            compiled.insert(made, for: shape)
            return made
        }
    }
}
