public import TenancyCore

/// A channel of PostgreSQL's notifications: one of a tenant, or one that all processes share.
///
/// The server lets every login listen to every channel. So a tenant's messages carry the tenant's id, which this
/// adapter writes and checks, and are handed to that tenant's listeners only; don't let others log in to listen.
public struct PostgresChannel: Sendable, Hashable {
    /// The channel's name, without the tenant.
    public let name: String
    /// The tenant whose messages go through the channel; `nil` for one that is not a tenant's.
    public let tenant: TenantID?

    /// A channel of one tenant. Other tenants may have channels of the same name; nothing passes from one to another.
    ///
    /// - Parameter name: 1 to 55 bytes without NUL.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue``.
    public init(_ name: String, of tenant: TenantID) throws(TenancyError) {
        try self.init(checking: name, tenant: tenant)
    }

    /// A channel that is not a tenant's, for what concerns the application as a whole.
    ///
    /// - Parameter name: 1 to 55 bytes without NUL.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue``.
    public init(shared name: String) throws(TenancyError) { try self.init(checking: name, tenant: nil) }

    private init(checking name: String, tenant: TenantID?) throws(TenancyError) {
        let bytes = name.utf8
        guard (1...Self.maximumNameBytes).contains(bytes.count), !bytes.contains(0) else {
            throw TenancyError(
                .invalidValue, "A channel's name is empty, longer than \(Self.maximumNameBytes) bytes, or holds NUL.",
                hint: "Use a short name; a tenant is named beside it.")
        }
        self.name = name
        self.tenant = tenant
    }

    /// The server cuts `LISTEN` names after 63 bytes without an error.
    static let maximumNameBytes = 63 - tenantPrefix.utf8.count
    private static let tenantPrefix = "tenant: "
    private static let sharedPrefix = "shared: "

    /// The name that the server knows. Prefixes keep tenants' channels and shared ones apart.
    var wireName: String { (tenant == nil ? Self.sharedPrefix : Self.tenantPrefix) + name }

    /// What comes before the payload.
    private var head: String { tenant.map { $0.rawValue + " " } ?? "" }

    /// The longest payload, in bytes: the server's limit of 7,999 without the tenant's id.
    public var maximumPayloadBytes: Int { 7_999 - head.utf8.count }

    /// What is sent for a payload.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/valueTooLarge`` or ``TenancyError/Code/invalidValue``.
    func message(_ payload: String) throws(TenancyError) -> String {
        guard payload.utf8.count <= maximumPayloadBytes else {
            throw TenancyError(
                .valueTooLarge, "A notification's payload is longer than \(maximumPayloadBytes) bytes.",
                hint: "Send a key, and let listeners read the rest.", details: .init(tenant: tenant))
        }
        guard !payload.utf8.contains(0) else {
            throw TenancyError(
                .invalidValue, "A notification's payload holds a NUL character.", details: .init(tenant: tenant))
        }
        return head + payload
    }

    /// The payload of a message that came through the channel; `nil` if it is another tenant's, or nobody's.
    func payload(of message: String) -> String? {
        guard tenant != nil else { return message }
        // By bytes: a message that goes on with a combining character would not have the prefix as text.
        guard message.utf8.starts(with: head.utf8) else { return nil }
        return String(decoding: message.utf8.dropFirst(head.utf8.count), as: UTF8.self)
    }

    /// The statement that sends a payload when the transaction that it runs in commits.
    ///
    /// - Throws: As ``message(_:)`` does.
    func notification(_ payload: String) throws(TenancyError) -> BoundStatement {
        let message = try message(payload)
        var parameters = ParameterBuffer(capacity: 2)
        parameters.append(text: wireName)
        parameters.append(text: message)
        return BoundStatement(statement: Self.statement, parameters: parameters)
    }

    private static let statement = CompiledStatement("SELECT pg_notify($1, $2)", types: [.text, .text])
}
