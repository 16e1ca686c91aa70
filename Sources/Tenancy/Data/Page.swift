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
/// was made for, in every process that uses the same database.
///
/// It is encrypted, because it holds the values that the query sorts by of the page's last record, and a page may be cut
/// by what it doesn't show. Two cursors for one place are different texts. Hand out ``rawValue``; everything else that
/// renders a cursor leaves it out, so that none gets into a log by accident.
public struct Cursor: Sendable, Hashable, Codable, RawRepresentable {
    /// The cursor as text that may stand in a URL.
    public let rawValue: String

    /// A cursor that a client handed back. It is checked when it is used.
    public init(rawValue: String) { self.rawValue = rawValue }
}

extension Cursor: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// That it is a cursor.
    public var description: String { "Cursor(redacted)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// No children, so that `dump` prints the description alone.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
