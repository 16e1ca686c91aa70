public import TenancyCore

/// One tenant's records of one entity: typed, or as ``Record`` for tools.
public struct EntityAccess<Element: Sendable>: Sendable {
    let session: DataSession
    let schema: EntitySchema<Element>

    /// The entity.
    public var entity: EntityDescription { schema.description }

    var builder: StatementBuilder { session.manager.builder(entity) }

    /// A query over the tenant's records of the entity.
    public func query() -> TenantQuery<Element> { TenantQuery(access: self) }

    /// Lets a call in and checks that the entity is one of the SDK's.
    func admit() async throws(TenancyError) -> TenantContext {
        try session.manager.require(entity, session.admission)
        return try await session.admit()
    }

    /// The error with tenant and entity named.
    func placed(_ error: TenancyError) -> TenancyError {
        error.with { details in
            details.tenant = details.tenant ?? session.context.tenant
            details.entity = details.entity ?? entity.name
        }
    }

    // MARK: Reading by key

    func read(keys: [Value], options: ReadOptions) async throws(TenancyError) -> CacheReading.Result {
        try builder.checkKeys(keys)
        var context = try await admit()
        let options = session.resolved(options, for: entity)
        if let consistency = options.consistency { context.consistency = consistency }
        do throws(TenancyError) {
            if let cache = session.cache(for: entity, options) {
                return try await cache.read(entity, keys, options, in: context, from: session.runner)
            }
            return CacheReading.Result(rows: try await session.runner.read(entity, keys: keys, in: context))
        } catch {
            throw placed(error)
        }
    }

    func readOne(_ key: Value, options: ReadOptions) async throws(TenancyError) -> Element? {
        let rows = try await read(keys: [key], options: options).rows
        return rows.count == 0 ? nil : try schema.decode(RowView(rows, row: 0))
    }

    func readMany(_ keys: [Value], options: ReadOptions) async throws(TenancyError) -> [Element] {
        guard keys.count <= session.manager.limits.maximumKeys else {
            throw TenancyError(
                .valueTooLarge, "A read names more than \(session.manager.limits.maximumKeys) keys.",
                details: .init(entity: entity.name))
        }
        var seen: Set<Value> = []
        let distinct = keys.filter { seen.insert($0).inserted }
        if distinct.isEmpty { return [] }
        let rows = try await read(keys: distinct, options: options).rows
        var found: [Value: Int] = [:]
        for row in 0..<rows.count {
            found[try RowView(rows, row: row).value(entity.keyColumn, as: entity.key.type)] = row
        }
        var elements: [Element] = []
        elements.reserveCapacity(found.count)
        for key in distinct {
            if let row = found[key] { elements.append(try schema.decode(RowView(rows, row: row))) }
        }
        return elements
    }
}

extension EntityAccess where Element: Entity {
    /// The record with that key, from the cache or the database; `nil` if the tenant has none.
    ///
    /// - Throws: ``TenancyError``.
    public func read(_ id: Element.ID, options: ReadOptions = .default) async throws(TenancyError) -> Element? {
        let key = id.fieldValue
        switch session.local(Element.self, key, options) {
        case .found(let element): return element
        case .absent: return nil
        case .unknown: return try await readAndKeep(key, options)
        }
    }

    /// Reads a record that the process doesn't keep, and keeps it.
    func readAndKeep(_ key: Value, _ options: ReadOptions) async throws(TenancyError) -> Element? {
        let local = session.transaction == nil ? session.manager.local : nil
        let tenant = session.context.tenant
        let ticket = local?.ticket(Element.self, key, of: tenant)
        let result = try await read(keys: [key], options: options)
        let element = result.rows.count == 0 ? nil : try schema.decode(RowView(result.rows, row: 0))
        if let local, let ticket, let bytes = result.storedBytes {
            local.keep(
                element, bytes: bytes, key, of: tenant, ticket,
                life: session.manager.cache?.life(
                    session.resolved(options, for: entity), isAbsent: element == nil, entity))
        }
        return element
    }

    /// The records with those keys in the order of the keys, each once; keys that the tenant has no record of are left
    /// out.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/valueTooLarge`` for more keys than
    ///   ``SDKConfig/Limits/maximumKeys``.
    public func read(ids: [Element.ID], options: ReadOptions = .default) async throws(TenancyError) -> [Element] {
        try await readMany(ids.map(\.fieldValue), options: options)
    }
}

extension EntityAccess where Element == Record {
    /// A query that was made elsewhere, such as by a tool, over the tenant's records of the entity.
    public func query(_ query: Query) -> TenantQuery<Record> { TenantQuery(access: self, query: query) }

    /// The record with that key; `nil` if the tenant has none.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/typeMismatch`` if the key is not of the key field's type.
    public func read(_ key: Value, options: ReadOptions = .default) async throws(TenancyError) -> Record? {
        try await readOne(key, options: options)
    }

    /// The records with those keys in the order of the keys, each once.
    ///
    /// - Throws: ``TenancyError``.
    public func read(keys: [Value], options: ReadOptions = .default) async throws(TenancyError) -> [Record] {
        try await readMany(keys, options: options)
    }
}
