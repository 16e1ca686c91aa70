public import TenancyCore

/// One tenant's data: what ``MultiTenantSDK/tenant(_:actor:correlationID:timeout:)`` returns.
///
/// Every call is admitted by the tenant's status, bound to the tenant, and given a deadline. A handle is a value;
/// keep it as long as a request lasts, pass it on, or make a narrower one with ``with(actor:correlationID:timeout:)``.
/// The same type is what the body of a ``transaction(_:retry:_:)`` gets, so code written for a handle works in both.
public struct TenantHandle: Sendable {
    let session: DataSession

    /// The tenant's id.
    public var id: TenantID { session.context.tenant }

    /// On whose behalf calls are made.
    public var context: TenantContext { session.context }

    /// The same tenant for another actor or request, or until another deadline.
    ///
    /// - Parameter timeout: From now on, for all calls together; a deadline that the handle has already is not put off.
    public func with(actor: String? = nil, correlationID: String? = nil, timeout: Duration? = nil) -> TenantHandle {
        var session = session
        if let actor { session.context.actor = actor }
        if let correlationID { session.context.correlationID = correlationID }
        if let timeout {
            let deadline = ContinuousClock.Instant.after(timeout)
            session.context.deadline = min(session.context.deadline ?? deadline, deadline)
        }
        return TenantHandle(session: session)
    }

    /// The same tenant, whose reads may be that old: `united.reading(.relaxed(maximumStaleness: .seconds(5)))`. For
    /// reports and lists, which replicas can serve then. Writes and transactions are as always.
    public func reading(_ consistency: ReadConsistency) -> TenantHandle {
        var session = session
        session.context.consistency = consistency
        session.consistency = consistency
        return TenantHandle(session: session)
    }

    /// The tenant's records of one type, with every operation on them.
    public func entities<E: Entity>(_ type: E.Type) -> EntityAccess<E> {
        EntityAccess(session: session, schema: E.schema)
    }

    /// The tenant's records of the entity of that name, untyped, for tools.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/entityNotRegistered``.
    public func records(_ name: String) throws(TenancyError) -> EntityAccess<Record> {
        EntityAccess(session: session, schema: EntitySchema(records: try session.manager.entity(named: name)))
    }
}
