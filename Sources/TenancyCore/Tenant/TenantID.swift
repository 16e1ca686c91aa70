/// The name of a tenant: 1 to 63 ASCII letters, digits, `-` and `_`, of which the first is a letter or a digit.
///
/// The set is small on purpose. An id becomes part of cache keys, file names, session settings and log lines, so it
/// can hold no delimiter (`:` `/` `.`), no pattern (`*` `?` `[`), no hash tag (`{` `}`), no quote, no space and no
/// control character in any of them; and no two ids are equal under one database's collation and different under
/// another's, because ids are compared byte by byte everywhere.
public struct TenantID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The id as text.
    public let rawValue: String

    /// The longest id, in characters: a PostgreSQL identifier's length.
    public static let maximumLength = 63

    static let rule =
        "A tenant id has 1 to 63 ASCII letters, digits, '-' and '_', and begins with a letter or a digit."

    /// Checks an id.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidTenantID``.
    public init(_ rawValue: String) throws(TenancyError) {
        var utf8 = rawValue.utf8.makeIterator()
        guard let first = utf8.next() else { throw TenancyError(.invalidTenantID, "The tenant id is empty.") }
        guard rawValue.utf8.count <= Self.maximumLength else {
            throw TenancyError(.invalidTenantID, "The tenant id is longer than \(Self.maximumLength) characters.")
        }
        guard Self.isAlphanumeric(first) else {
            throw TenancyError(.invalidTenantID, "The tenant id begins with a character that is not allowed there.")
        }
        while let byte = utf8.next() {
            guard Self.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") else {
                throw TenancyError(.invalidTenantID, "The tenant id holds a character that is not allowed.")
            }
        }
        self.rawValue = rawValue
    }

    private init(reserved: String) { rawValue = reserved }

    /// The owner of Tenancy's own records. Its first character keeps it out of reach of ``init(_:)``.
    package static let system = TenantID(reserved: "_system")

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// The id as text.
    public var description: String { rawValue }

    /// The order of the ids' bytes.
    public static func < (left: TenantID, right: TenantID) -> Bool { left.rawValue < right.rawValue }
}
