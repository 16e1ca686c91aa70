public import TenancyCore

/// A query over one tenant's records of one entity, built step by step and run by its last call.
///
/// ```swift
/// let late = try await united.query(Flight.self)
///     .where { $0.origin == "JFK" && $0.delay > 60 }
///     .sorted(by: \.departure, .descending)
///     .page(size: 50, after: cursor)
/// ```
public struct TenantQuery<Element: Sendable>: Sendable {
    let access: EntityAccess<Element>
    /// The query without the Swift type.
    public private(set) var query: Query
    private(set) var options: ReadOptions

    init(access: EntityAccess<Element>, query: Query = Query(), options: ReadOptions = .default) {
        self.access = access
        self.query = query
        self.options = options
    }

    /// The same query, served in another way: `.reading(ReadOptions(usesCache: true, cacheTimeToLive: .seconds(60)))`.
    /// Streams never use the cache.
    public func reading(_ options: ReadOptions) -> TenantQuery {
        var copy = self
        copy.options = options
        return copy
    }

    package func filtered(by predicate: Predicate) -> TenantQuery {
        changed { $0.filter = $0.filter == .always ? predicate : .and([$0.filter, predicate]) }
    }

    package func sorted(byField name: String, _ direction: SortDirection) -> TenantQuery {
        changed { $0.sort.append(Query.Sort(name, direction)) }
    }

    /// The same query with at most `count` records.
    public func limit(_ count: Int) -> TenantQuery {
        changed { $0.limit = min(count, $0.limit ?? count) }
    }

    private func changed(_ change: (inout Query) -> Void) -> TenantQuery {
        var copy = self
        change(&copy.query)
        return copy
    }

    // MARK: Running it

    /// All records.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/valueTooLarge`` for more than
    ///   ``SDKConfig/Limits/maximumRows``; use ``page(size:after:)`` or ``stream(batchSize:)`` for those.
    public func all() async throws(TenancyError) -> [Element] {
        try access.schema.decode(try await rows(query, fields: nil))
    }

    /// The first record in the query's order; `nil` if there is none.
    ///
    /// - Throws: ``TenancyError``.
    public func first() async throws(TenancyError) -> Element? { try await limit(1).all().first }

    /// How many records there are, without regard to the limit.
    ///
    /// - Throws: ``TenancyError``.
    public func count() async throws(TenancyError) -> Int {
        let rows = try await figures([AggregateFunction(.count)], groupBy: [])
        return try Int.read(RowView(rows, row: 0), 0)
    }

    /// Whether there is a record.
    ///
    /// - Throws: ``TenancyError``.
    public func exists() async throws(TenancyError) -> Bool {
        try await rows(limit(1).query, fields: [access.entity.key.name]).count > 0
    }

    /// Some of the records, and where the next ones begin.
    ///
    /// The page is cut by the sort values of its last record and the key, not by a count, so that records added or
    /// removed meanwhile shift nothing.
    ///
    /// - Parameters:
    ///   - size: The most records of the page, 1 to ``SDKConfig/Limits/maximumPageSize``.
    ///   - cursor: The ``Page/next`` of the page before; `nil` for the first page.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/invalidCursor`` for a cursor that was altered or made for
    ///   another tenant or query.
    public func page(size: Int, after cursor: Cursor? = nil) async throws(TenancyError) -> Page<Element> {
        try await Pager(access: access, query: query, options: options).page(size: size, after: cursor)
    }

    /// The records one after another, read as they are consumed; the SDK holds at most two batches of them.
    ///
    /// - Throws: ``TenancyError``, also while it is iterated.
    public func stream(batchSize: Int = 500) async throws(TenancyError) -> EntityStream<Element> {
        let maximum = access.session.manager.limits.maximumBatchSize
        guard (1...maximum).contains(batchSize) else {
            throw TenancyError(
                .valueTooLarge, "A stream's batch size lies outside 1…\(maximum).",
                details: .init(entity: access.entity.name))
        }
        let statement = try access.builder.select(query)
        var context = try await access.admit()
        // The call's time bounds the opening; a stream lasts as long as its consumer takes, unless it has a deadline.
        let end = context.deadline
        context.deadline = access.session.context.deadline
        do throws(TenancyError) {
            let rows = try await opened(statement, batchSize: batchSize, context, until: end)
            return EntityStream(rows, access)
        } catch {
            throw access.placed(error)
        }
    }

    /// Opens a stream that may last longer than its opening.
    private func opened(
        _ statement: SelectStatement, batchSize: Int, _ context: TenantContext, until end: ContinuousClock.Instant?
    ) async throws(TenancyError) -> RowStream {
        let runner = access.session.runner
        guard let end, end != context.deadline else {
            return try await runner.stream(statement, batchSize: batchSize, in: context)
        }
        // A task of its own, because the runner knows the stream's deadline only, and ends the wait if it is cancelled.
        let opening = Task { () async -> Result<RowStream, TenancyError> in
            do throws(TenancyError) {
                return .success(try await runner.stream(statement, batchSize: batchSize, in: context))
            } catch {
                return .failure(error)
            }
        }
        let timer = Task {
            try? await Task.sleep(until: end, clock: .continuous)
            if !Task.isCancelled { opening.cancel() }
        }
        let result = await withTaskCancellationHandler {
            await opening.value
        } onCancel: {
            opening.cancel()
        }
        timer.cancel()
        if case .failure(let error) = result, error.code == .cancelled, !Task.isCancelled, end <= ContinuousClock.now {
            throw TenancyError(
                .timeout, "The deadline passed before the stream was open.",
                hint: "Read open streams to their end or let go of them; the database bounds how many there are.",
                details: error.details)
        }
        return try result.get()
    }

    /// Removes all records of the query, without regard to order; a limit is refused.
    ///
    /// - Returns: How many were removed.
    /// - Throws: ``TenancyError``.
    @discardableResult
    public func delete() async throws(TenancyError) -> Int {
        try requireNoLimit()
        let statement = try access.builder.delete(query.filter)
        return try await access.write(statement.operation, keys: nil).affected
    }

    package func change(_ assignments: [Assignment]) async throws(TenancyError) -> Int {
        try requireNoLimit()
        let statement = try access.builder.update(query.filter, assignments)
        return try await access.write(statement.operation, keys: nil).affected
    }

    func rows(_ query: Query, fields: [String]?) async throws(TenancyError) -> any RowBatch {
        let maximum = access.session.manager.limits.maximumRows
        var bounded = query
        if query.limit.map({ $0 > maximum }) ?? true { bounded.limit = maximum + 1 }
        // A bound that the caller did not ask for must not cost a sort.
        let isUnordered = query.limit == nil && query.sort.isEmpty
        let statement = try access.builder.select(bounded, fields: fields, ordersLimit: !isUnordered)
        let rows = try await access.rows(ResultQuery(statement, filter: query.filter), options)
        if rows.count <= maximum { return rows }
        throw TenancyError(
            .valueTooLarge, "A query returns more than \(maximum) records.",
            hint: "Use page(size:after:) or stream(), or raise SDKConfig.limits.maximumRows.",
            details: .init(tenant: access.session.context.tenant, entity: access.entity.name))
    }

    func figures(
        _ functions: [AggregateFunction], groupBy: [String]
    ) async throws(TenancyError) -> any RowBatch {
        let statement = try access.builder.aggregate(query.filter, groupBy: groupBy, functions)
        return try await access.rows(ResultQuery(statement, filter: query.filter), options)
    }

    private func requireNoLimit() throws(TenancyError) {
        guard query.limit == nil else {
            throw TenancyError(
                .invalidQuery, "A change by filter has a limit, whose records no order decides.",
                details: .init(entity: access.entity.name))
        }
    }
}
