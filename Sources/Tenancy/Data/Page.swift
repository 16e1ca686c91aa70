import TenancyCore

/// Some of a query's records, and where the next ones begin.
public struct Page<Item: Sendable>: Sendable {
    /// The records in the query's order.
    public let items: [Item]
    /// Where the next page begins; `nil` if this is the last one.
    public let next: Cursor?

    /// A page.
    public init(items: [Item], next: Cursor?) {
        self.items = items
        self.next = next
    }

    func map<Other: Sendable>(
        _ transform: (Item) throws(TenancyError) -> Other
    ) throws(TenancyError) -> Page<Other> {
        var others: [Other] = []
        others.reserveCapacity(items.count)
        for item in items { others.append(try transform(item)) }
        return Page<Other>(items: others, next: next)
    }
}

/// A place between two records of a query, to be handed to a client and back. It works for the tenant and the query it
/// was made for, in every process that uses the same database, and tells a client nothing that the page did not show.
public struct Cursor: Sendable, Hashable, Codable, RawRepresentable, CustomStringConvertible {
    /// The cursor as text that may stand in a URL.
    public let rawValue: String

    /// A cursor that a client handed back. It is checked when it is used.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The cursor as text.
    public var description: String { rawValue }
}
