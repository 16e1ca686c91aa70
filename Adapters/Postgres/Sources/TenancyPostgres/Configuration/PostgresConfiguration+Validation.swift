import TenancyCore

extension PostgresConfiguration {
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming the setting.
    func validate() throws(TenancyError) {
        if let problem { throw TenancyError(.invalidConfiguration, "PostgreSQL: " + problem) }
    }

    private var problem: String? {
        let places = hosts + replicas.map(\.host)
        let texts = [database, user, schema, applicationName] + places.map(\.name)
        if hosts.isEmpty || places.contains(where: \.name.isEmpty) { return "A host is missing." }
        if places.contains(where: { !(1...65_535).contains($0.port) }) { return "A port is not in 1…65535." }
        if places.contains(where: { $0.name.contains(",") }) { return "A host's name holds a comma." }
        if database.isEmpty { return "The database's name is missing." }
        if user.isEmpty { return "The user is missing." }
        if texts.contains(where: { $0.utf8.contains(0) }) { return "A setting holds a NUL character." }
        if schema.isEmpty || schema.utf8.count > 63 { return "schema is empty or longer than 63 bytes." }
        if schema.hasPrefix("pg_") { return "schema begins with pg_, as only the server's own do." }
        if applicationName.utf8.count > 63 { return "applicationName is longer than 63 bytes." }
        if migration?.user == user { return "migration names the same role as user, which must not own the tables." }
        if connectTimeout <= .zero { return "connectTimeout is not positive." }
        if [statementTimeout, lockTimeout, transactionTimeout].contains(where: {
            $0.map { $0 < .milliseconds(1) } ?? false
        }) {
            return "A timeout is less than a millisecond."
        }
        if keepalives.idle <= .zero || keepalives.interval <= .zero || keepalives.count < 1 {
            return "A setting of keepalives is not positive."
        }
        if pool.minimum < 0 || pool.maximum < max(1, pool.minimum) {
            return "pool.minimum is negative, or pool.maximum is less than it or than 1."
        }
        if pool.idleTimeout <= .zero || pool.lifetime <= .zero || pool.acquireTimeout <= .zero {
            return "A time of pool is not positive."
        }
        if lanes < 1 { return "lanes is less than 1." }
        if maximumStatements < 16 { return "maximumStatements is less than 16." }
        if maximumReplicaLag < .zero { return "maximumReplicaLag is negative." }
        if let supabase, supabase.role.isEmpty || supabase.claim.isEmpty { return "supabase has an empty name." }
        return nil
    }

    /// How policies know the tenant.
    var isolation: Isolation {
        supabase.map { Isolation.claims(role: $0.role, claim: $0.claim) } ?? Isolation.tenantSetting
    }
}
