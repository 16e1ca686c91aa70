public import TenancyCore

// The operations of ``EntityAccess`` by the entity's type, so that a call reads `united.read(Flight.self, id)`.
extension TenantHandle {
    /// See ``EntityAccess/read(_:options:)``.
    public func read<E: Entity>(
        _ type: E.Type, _ id: E.ID, options: ReadOptions = .default
    ) async throws(TenancyError) -> E? {
        let key = id.fieldValue
        // Before anything is put together that only the long way needs.
        switch session.local(type, key, options) {
        case .found(let element): return element
        case .absent: return nil
        case .unknown: return try await entities(type).readAndKeep(key, options)
        }
    }

    /// See ``EntityAccess/read(ids:options:)``.
    public func read<E: Entity>(
        _ type: E.Type, ids: [E.ID], options: ReadOptions = .default
    ) async throws(TenancyError) -> [E] { try await entities(type).read(ids: ids, options: options) }

    /// See ``EntityAccess/query()``.
    public func query<E: Entity>(_ type: E.Type) -> TenantQuery<E> { entities(type).query() }

    /// See ``EntityAccess/search(_:limit:options:)``.
    public func search<E: Entity>(
        _ type: E.Type, _ text: String, limit: Int = 20, options: SearchOptions = SearchOptions()
    ) async throws(TenancyError) -> [SearchHit<E>] {
        try await entities(type).search(text, limit: limit, options: options)
    }

    /// See ``EntityAccess/search(_:limit:options:where:)``.
    public func search<E: Entity>(
        _ type: E.Type, _ text: String, limit: Int = 20, options: SearchOptions = SearchOptions(),
        where filter: (Fields<E>) -> Filter<E>
    ) async throws(TenancyError) -> [SearchHit<E>] {
        try await entities(type).search(text, limit: limit, options: options, where: filter)
    }

    /// See ``EntityAccess/create(_:)``.
    @discardableResult
    public func create<E: Entity>(_ element: E) async throws(TenancyError) -> E {
        try await entities(E.self).create(element)
    }

    /// See ``EntityAccess/update(_:)``.
    @discardableResult
    public func update<E: Entity>(_ element: E) async throws(TenancyError) -> E {
        try await entities(E.self).update(element)
    }

    /// See ``EntityAccess/upsert(_:)``.
    @discardableResult
    public func upsert<E: Entity>(_ element: E) async throws(TenancyError) -> E {
        try await entities(E.self).upsert(element)
    }

    /// See ``EntityAccess/delete(_:)-(ID)``.
    @discardableResult
    public func delete<E: Entity>(_ type: E.Type, _ id: E.ID) async throws(TenancyError) -> Bool {
        try await entities(type).delete(id)
    }

    /// See ``EntityAccess/delete(_:)-(Element)``.
    @discardableResult
    public func delete<E: Entity>(_ element: E) async throws(TenancyError) -> Bool {
        try await entities(E.self).delete(element)
    }

    /// See ``EntityAccess/bulkCreate(_:options:)``.
    @discardableResult
    public func bulkCreate<E: Entity>(
        _ elements: some Sequence<E>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult { try await entities(E.self).bulkCreate(elements, options: options) }

    /// See ``EntityAccess/bulkUpdate(_:options:)``.
    @discardableResult
    public func bulkUpdate<E: Entity>(
        _ elements: some Sequence<E>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult { try await entities(E.self).bulkUpdate(elements, options: options) }

    /// See ``EntityAccess/bulkUpsert(_:options:)``.
    @discardableResult
    public func bulkUpsert<E: Entity>(
        _ elements: some Sequence<E>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult { try await entities(E.self).bulkUpsert(elements, options: options) }

    /// See ``EntityAccess/bulkDelete(_:options:)``.
    @discardableResult
    public func bulkDelete<E: Entity>(
        _ type: E.Type, _ ids: some Sequence<E.ID>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult { try await entities(type).bulkDelete(ids, options: options) }
}
