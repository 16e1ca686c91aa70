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

    /// The rows of a query.
    func rows(_ query: ResultQuery, _ options: ReadOptions) async throws(TenancyError) -> any RowBatch {
        var context = try await admit()
        let options = session.resolved(options, for: entity, isQuery: true)
        if let consistency = options.consistency { context.consistency = consistency }
        do throws(TenancyError) {
            if let cache = session.cache(for: entity, options) {
                return try await cache.rows(query, options, in: context, from: session.runner)
            }
            return try await query.run(on: session.runner, in: context)
        } catch {
            throw placed(error)
        }
    }

    func readOne(_ key: Value, options: ReadOptions) async throws(TenancyError) -> Element? {
        let rows = try await read(keys: [key], options: options).rows
        return rows.count == 0 ? nil : try schema.decode(RowView(rows, row: 0))
    }

    /// Each key once.
    private func distinct(_ keys: [Value]) throws(TenancyError) -> [Value] {
        guard keys.count <= session.manager.limits.maximumKeys else {
            throw TenancyError(
                .valueTooLarge, "A read names more than \(session.manager.limits.maximumKeys) keys.",
                details: .init(entity: entity.name))
        }
        var seen: Set<Value> = []
        return keys.filter { seen.insert($0).inserted }
    }

    /// Records by their keys.
    private func decode(_ rows: any RowBatch) throws(TenancyError) -> [Value: Element] {
        var found: [Value: Element] = [:]
        found.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let view = RowView(rows, row: row)
            found[try view.value(entity.keyColumn, as: entity.key.type)] = try schema.decode(view)
        }
        return found
    }

    func readMany(_ keys: [Value], options: ReadOptions) async throws(TenancyError) -> [Element] {
        let distinct = try distinct(keys)
        if distinct.isEmpty { return [] }
        let found = try decode(try await read(keys: distinct, options: options).rows)
        return distinct.compactMap { found[$0] }
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
            keep(element, bytes: bytes, key, ticket, options, in: local)
        }
        return element
    }

    /// Reads records that the process doesn't keep, and keeps them.
    private func readAndKeep(_ keys: [Value], _ options: ReadOptions) async throws(TenancyError) -> [Value: Element] {
        let local = session.transaction == nil ? session.manager.local : nil
        let tickets = local.map { local in
            keys.map { local.ticket(Element.self, $0, of: session.context.tenant) }
        }
        let result = try await read(keys: keys, options: options)
        let found = try decode(result.rows)
        if let local, let tickets, let bytes = result.storedBytes {
            for (key, ticket) in zip(keys, tickets) {
                // Each is taken to have its share.
                keep(found[key], bytes: bytes / keys.count, key, ticket, options, in: local)
            }
        }
        return found
    }

    private func keep(
        _ element: Element?, bytes: Int, _ key: Value, _ ticket: LocalTicket, _ options: ReadOptions,
        in local: LocalCache
    ) {
        let life = session.manager.cache?.life(
            session.resolved(options, for: entity), isAbsent: element == nil, entity)
        local.keep(element, bytes: bytes, key, of: session.context.tenant, ticket, life: life)
    }

    /// The records with those keys in the order of the keys, each once; keys that the tenant has no record of are left
    /// out.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/valueTooLarge`` for more keys than
    ///   ``SDKConfig/Limits/maximumKeys``.
    public func read(ids: [Element.ID], options: ReadOptions = .default) async throws(TenancyError) -> [Element] {
        let keys = try distinct(ids.map(\.fieldValue))
        var found: [Value: Element] = [:]
        var missing: [Value] = []
        for key in keys {
            switch session.local(Element.self, key, options) {
            case .found(let element): found[key] = element
            case .absent: continue
            case .unknown: missing.append(key)
            }
        }
        if !missing.isEmpty { found.merge(try await readAndKeep(missing, options)) { $1 } }
        return keys.compactMap { found[$0] }
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
