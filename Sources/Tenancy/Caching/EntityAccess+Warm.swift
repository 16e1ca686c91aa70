public import TenancyCore

/// How far a warm-up has come.
public struct WarmUp: Sendable, Hashable {
    /// How many records the query found when the warm-up began, at most as many as are warmed.
    public let total: Int
    /// How many of them were found in the cache, or loaded and stored there.
    public internal(set) var records = 0

    /// How much of it is done, 0 to 1.
    public var fraction: Double { total == 0 ? 1 : min(1, Double(records) / Double(total)) }
}

extension EntityAccess where Element: Entity {
    /// Reads records of a query into the cache, a batch at a time: the batch's keys by one statement, what the cache lacks
    /// of it by another, by the same steps as every read. So nothing is stored that a write has replaced meanwhile, and
    /// what is cached already is loaded by nobody.
    ///
    /// ```swift
    /// try await acme.warm(Booking.self, maximumCount: 10_000) { query in
    ///     query.where { $0.price > 500 }
    /// } onProgress: { progress in
    ///     log("\(progress.records) of \(progress.total)")
    /// }
    /// ```
    ///
    /// One batch is under way at a time, and each has the handle's time. A task that is cancelled ends between two batches
    /// at the latest; what was stored until then stays.
    ///
    /// - Parameters:
    ///   - batchSize: How many records are read at once, 1 to ``SDKConfig/Limits/maximumKeys``.
    ///   - maximumCount: The most records. A query that is sorted or has a limit is bounded by
    ///     ``SDKConfig/Limits/maximumRows`` as well.
    ///   - options: For how long they are cached.
    ///   - onProgress: Called after each batch.
    /// - Returns: How many records there were.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/unsupported`` if no cache is configured, the call's options or
    ///   the entity's say that it is not used, or in a transaction; ``TenancyError/Code/cacheUnavailable`` while reads pass
    ///   the cache by because it fails; ``TenancyError/Code/valueTooLarge`` for a batch that is too large.
    @discardableResult
    public func warm(
        batchSize: Int = 500, maximumCount: Int = 100_000, options: ReadOptions = .default,
        _ query: (TenantQuery<Element>) -> TenantQuery<Element> = { $0 },
        onProgress: (WarmUp) async throws -> Void = { _ in }
    ) async throws -> WarmUp {
        let resolved = session.resolved(options, for: entity)
        guard let cache = session.cache(for: entity, resolved) else {
            throw TenancyError(
                .unsupported, "There is no cache to be warmed.",
                hint: "Configure a cache, let the entity use it, and warm outside of transactions.",
                details: .init(tenant: session.context.tenant, entity: entity.name))
        }
        let maximum = session.manager.limits.maximumKeys
        guard (1...maximum).contains(batchSize) else {
            throw TenancyError(
                .valueTooLarge, "A warm-up's batch size lies outside 1…\(maximum).",
                details: .init(entity: entity.name))
        }
        let asked = query(self.query()).reading(.uncached)
        var progress = WarmUp(total: min(try await asked.count(), asked.query.limit ?? maximumCount, maximumCount))
        var keys = WarmKeys(query: asked, batchSize: batchSize, rest: progress.total)
        while let batch = try await keys.next() {
            if cache.status.isDegraded {
                throw TenancyError(
                    .cacheUnavailable, "The cache fails; it is not being warmed.",
                    details: .init(tenant: session.context.tenant, entity: entity.name))
            }
            _ = try await read(keys: batch, options: options)
            progress.records += batch.count
            try await onProgress(progress)
        }
        return progress
    }
}

extension TenantHandle {
    /// See ``EntityAccess/warm(batchSize:maximumCount:options:_:onProgress:)``.
    @discardableResult
    public func warm<E: Entity>(
        _ type: E.Type, batchSize: Int = 500, maximumCount: Int = 100_000, options: ReadOptions = .default,
        _ query: (TenantQuery<E>) -> TenantQuery<E> = { $0 },
        onProgress: (WarmUp) async throws -> Void = { _ in }
    ) async throws -> WarmUp {
        try await entities(type).warm(
            batchSize: batchSize, maximumCount: maximumCount, options: options, query, onProgress: onProgress)
    }
}

/// The keys of a query's records, a batch at a time.
private struct WarmKeys<Element: Entity> {
    let query: TenantQuery<Element>
    let batchSize: Int
    /// How many more there may be.
    var rest: Int
    private var last: Value?
    /// All that are left, if the query's order or limit decides which they are.
    private var chosen: ArraySlice<Value>?

    init(query: TenantQuery<Element>, batchSize: Int, rest: Int) {
        self.query = query
        self.batchSize = batchSize
        self.rest = rest
    }

    mutating func next() async throws(TenancyError) -> [Value]? {
        let count = min(batchSize, rest)
        guard count > 0 else { return nil }
        let isChosen = !query.query.sort.isEmpty || query.query.limit != nil
        if isChosen, chosen == nil {
            chosen = try await keys(query.limit(min(rest, query.access.session.manager.limits.maximumRows)))[...]
        }
        let batch: [Value]
        if let left = chosen {
            batch = Array(left.prefix(count))
            chosen = left.dropFirst(count)
        } else {
            let key = query.access.entity.key.name
            let after = last.map { query.filtered(by: .compare(field: key, .greater, $0)) } ?? query
            batch = try await keys(after.sorted(byField: key, .ascending).limit(count))
        }
        rest -= batch.count
        last = batch.last
        if batch.count < count { rest = 0 }
        return batch.isEmpty ? nil : batch
    }

    private func keys(_ query: TenantQuery<Element>) async throws(TenancyError) -> [Value] {
        let field = query.access.entity.key
        let rows = try await query.rows(query.query, fields: [field.name])
        var keys: [Value] = []
        keys.reserveCapacity(rows.count)
        for row in 0..<rows.count { keys.append(try RowView(rows, row: row).value(0, as: field.type)) }
        return keys
    }
}
