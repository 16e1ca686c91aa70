import TenancyCore

extension PostgresAdapter: Notifying {
    func notify(_ channel: String, _ payload: String, in context: TenantContext) async throws(TenancyError) {
        let command = try Command(channel: channel, payload, of: context.tenant)
        try await withSession(context) { session throws(TenancyError) in
            _ = try await SessionScope(session: session, context: context).unit([command]).checked()
        }
    }
}

extension Transaction: Notifying {
    func notify(_ channel: String, _ payload: String, in context: TenantContext) async throws(TenancyError) {
        let command = try Command(channel: channel, payload, of: context.tenant)
        try check(context)
        _ = try await perform([command], context).checked()
    }
}

extension Command {
    fileprivate init(channel: String, _ payload: String, of tenant: TenantID) throws(TenancyError) {
        self.init(try PostgresChannel(channel, of: tenant).notification(payload), isKept: false)
    }
}
