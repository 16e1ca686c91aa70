public import TenancyCore

extension TenantHandle {
    /// Tells those who listen to a channel of the tenant something, such as which record was changed.
    ///
    /// On the handle of a transaction it is sent when that commits, and never if it is rolled back; otherwise at once.
    /// Nobody need listen. With PostgreSQL, `PostgresNotifications` hears it on `PostgresChannel(channel, of: id)`.
    ///
    /// - Parameters:
    ///   - channel: The channel's name among the tenant's: 1 to 55 bytes in PostgreSQL.
    ///   - payload: What listeners get: about 7,900 bytes at most in PostgreSQL. Send a key, not a record.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/unsupported`` before anything is sent if the database has no
    ///   notifications.
    public func notify(_ channel: String, _ payload: String) async throws(TenancyError) {
        let context = try await session.admit()
        guard let runner = session.runner as? any Notifying else {
            throw TenancyError(
                .unsupported, "The database has no notifications.",
                hint: "Use PostgreSQL, or listen to something else.",
                details: .init(tenant: id))
        }
        try await runner.notify(channel, payload, in: context)
    }
}
