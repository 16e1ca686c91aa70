/// A customer whose data is kept apart from every other's, as the registry knows it.
public struct Tenant: Sendable, Hashable {
    /// What a tenant may do now.
    public struct Status: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case active, suspended, deleting, deleted }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// Calls are admitted.
        public static let active = Status(.active)
        /// Calls are refused until the tenant is resumed; data stays.
        public static let suspended = Status(.suspended)
        /// Calls are refused for ever, and data is being removed. If it stays so, the deletion was interrupted, and has to
        /// be repeated.
        public static let deleting = Status(.deleting)
        /// Calls are refused for ever; data is gone, the id is kept so that it isn't given out again.
        public static let deleted = Status(.deleted)

        /// The status as it is stored.
        public var description: String { kind.rawValue }

        /// The status of that name, or `nil`.
        public init?(_ name: String) {
            guard let kind = Kind(rawValue: name) else { return nil }
            self.kind = kind
        }
    }

    /// The id, which never changes.
    public let id: TenantID
    /// A name for people.
    public var name: String
    /// What the tenant may do now.
    public var status: Status
    /// Facts such as `plan` and `country`, by which later rules choose.
    public var attributes: [String: String]
    /// When the tenant was created.
    public let created: Timestamp

    /// A tenant with these properties.
    public init(id: TenantID, name: String, status: Status, attributes: [String: String], created: Timestamp) {
        self.id = id
        self.name = name
        self.status = status
        self.attributes = attributes
        self.created = created
    }
}
