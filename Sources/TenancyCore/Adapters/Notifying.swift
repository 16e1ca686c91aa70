/// A runner of a database that tells those who listen to a channel something, together with what it changes.
///
/// A database whose adapter does not conform can't, and ``TenancyError/Code/unsupported`` is thrown before anything is
/// sent.
public protocol Notifying: StatementRunner {
    /// Sends a payload to those who listen to a channel of the context's tenant: on a transaction when it commits, and
    /// not at all if it, or the savepoint that this stands under, is rolled back; on an adapter at once. Payloads that
    /// are equal may arrive once for a transaction.
    ///
    /// - Parameters:
    ///   - channel: The channel's name among the tenant's.
    ///   - payload: What listeners get, as long as the database allows.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/invalidValue`` or ``TenancyError/Code/valueTooLarge`` for a
    ///   name or payload that can't be sent.
    func notify(_ channel: String, _ payload: String, in context: TenantContext) async throws(TenancyError)
}
