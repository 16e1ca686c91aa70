import TenancyCore

/// Reads one page of a query.
struct Pager<Element: Sendable> {
    let access: EntityAccess<Element>
    let query: Query
    let options: ReadOptions

    func page(size: Int, after cursor: Cursor?) async throws(TenancyError) -> Page<Element> {
        let entity = access.entity
        let maximum = access.session.manager.limits.maximumPageSize
        guard (1...maximum).contains(size) else {
            throw TenancyError(
                .valueTooLarge, "A page's size lies outside 1…\(maximum).", details: .init(entity: entity.name))
        }
        guard query.limit == nil else {
            throw TenancyError(
                .invalidQuery, "A query that is read page by page has a limit.",
                hint: "Leave the limit out; the page's size is one.", details: .init(entity: entity.name))
        }
        let order = try access.builder.totalOrder(query.sort)
        let codec = try await access.session.manager.cursorCodec()
        var bounded = query
        var keyset: Predicate?
        if let cursor {
            let last = try codec.decode(cursor, query, order, entity, for: access.session.context.tenant)
            keyset = Keyset.after(last, order: order, in: entity)
        }
        // One record more than asked for tells whether there is a next page.
        bounded.limit = size + 1
        let statement = try access.builder.select(bounded, after: keyset)
        let rows = try await access.rows(ResultQuery(statement, filter: query.filter, after: keyset), options)
        var items: [Element] = []
        items.reserveCapacity(min(size, rows.count))
        for row in 0..<min(size, rows.count) { items.append(try access.schema.decode(RowView(rows, row: row))) }
        guard rows.count > size else { return Page(items: items, next: nil) }
        var last: [Value] = []
        for term in order {
            last.append(try RowView(rows, row: size - 1).value(term.column, as: entity.fields[term.column].type))
        }
        return Page(items: items, next: try codec.encode(last, query, entity, for: access.session.context.tenant))
    }
}
