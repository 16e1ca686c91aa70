public import TenancyCore

/// How a full-text search matches.
public struct SearchOptions: Sendable, Hashable {
    /// Whether every word must be found. Default `true`; otherwise one is enough.
    public var requiresAllWords = true
    /// Whether the last word may be the beginning of one, as while somebody types. Default `true`.
    public var lastWordIsPrefix = true
    /// A condition beside the search, on fields by name; a typed search takes one on properties too.
    public var filter = Predicate.always
    /// How it may be served.
    public var reading = ReadOptions.default

    /// The defaults.
    public init() {}

    /// Options for a search.
    public init(
        requiresAllWords: Bool = true, lastWordIsPrefix: Bool = true, filter: Predicate = .always,
        reading: ReadOptions = .default
    ) {
        self.requiresAllWords = requiresAllWords
        self.lastWordIsPrefix = lastWordIsPrefix
        self.filter = filter
        self.reading = reading
    }
}

/// A record that a search found.
public struct SearchHit<Element: Sendable>: Sendable {
    /// The record.
    public let element: Element
    /// How well it matches: greater is better, comparable within one search only.
    public let score: Double

    let terms: SearchTerms
    let lastWordIsPrefix: Bool

    /// Where the words of the search stand in a text, in order, to be marked for a reader. Words are cut and compared as
    /// in the search, on every database alike.
    ///
    /// ```swift
    /// for range in hit.highlights(in: hit.element.title) { marked[range].backgroundColor = .yellow }
    /// ```
    public func highlights(in text: String) -> [Range<String.Index>] {
        terms.ranges(in: text, lastIsPrefix: lastWordIsPrefix)
    }
}

extension EntityAccess {
    /// The records that match a text best, the best first.
    ///
    /// The text is cut into words of letters and digits; case and diacritics don't matter, and nothing in it is an
    /// operator. A text without a word finds nothing.
    ///
    /// - Parameter limit: The most hits, at most ``SDKConfig/Limits/maximumPageSize``.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/invalidQuery`` if the entity declares no search fields.
    public func search(
        _ text: String, limit: Int = 20, options: SearchOptions = SearchOptions()
    ) async throws(TenancyError) -> [SearchHit<Element>] {
        guard session.manager.adapter.capabilities.searches else {
            throw TenancyError(.unsupported, "The database can't search text.", details: .init(entity: entity.name))
        }
        let maximum = session.manager.limits.maximumPageSize
        guard limit <= maximum else {
            throw TenancyError(
                .valueTooLarge, "A search asks for more than \(maximum) hits.", details: .init(entity: entity.name))
        }
        let statement = try builder.search(
            text, filter: options.filter, requiresAllWords: options.requiresAllWords,
            lastWordIsPrefix: options.lastWordIsPrefix, limit: limit)
        guard let statement else {
            _ = try await admit()
            return []
        }
        let rows = try await rows(ResultQuery(statement, text, filter: options.filter), options.reading)
        do throws(TenancyError) {
            var hits: [SearchHit<Element>] = []
            hits.reserveCapacity(rows.count)
            for row in 0..<rows.count {
                let view = RowView(rows, row: row)
                hits.append(
                    SearchHit(
                        element: try schema.decode(view), score: try rows.double(row, entity.fields.count),
                        terms: statement.terms, lastWordIsPrefix: options.lastWordIsPrefix))
            }
            return hits
        } catch {
            throw placed(error)
        }
    }
}

extension EntityAccess where Element: Entity {
    /// The records that match a text best among those of a condition, the best first:
    /// `search("chicago") { $0.country == "US" }`.
    ///
    /// - Throws: As ``search(_:limit:options:)``.
    public func search(
        _ text: String, limit: Int = 20, options: SearchOptions = SearchOptions(),
        where filter: (Fields<Element>) -> Filter<Element>
    ) async throws(TenancyError) -> [SearchHit<Element>] {
        var options = options
        let condition = filter(Fields()).predicate
        options.filter = options.filter == .always ? condition : .and([options.filter, condition])
        return try await search(text, limit: limit, options: options)
    }
}
