import TenancyCore

extension SDKConfig {
    /// Checks every setting that can be checked without a connection.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming the setting, or
    ///   ``TenancyError/Code/schemaInvalid``, naming the entity and everything that is wrong with it.
    func validate() throws(TenancyError) {
        try check("callTimeout", isPositive: callTimeout)
        try check("shutdownTimeout", isPositive: shutdownTimeout)
        try check("caching.timeToLive", isPositive: caching.timeToLive)
        try check("caching.absenceTimeToLive", isPositive: caching.absenceTimeToLive)
        try check("caching.leaseTime", isPositive: caching.leaseTime)
        try check("caching.blockTime", isPositive: caching.blockTime)
        try check("registry.refreshInterval", isPositive: registry.refreshInterval)
        guard (0...0.5).contains(caching.jitter) else { throw invalid("caching.jitter", "must lie in 0…0.5") }
        let counts = [
            ("caching.bulkThreshold", caching.bulkThreshold), ("limits.maximumValueBytes", limits.maximumValueBytes),
            ("limits.maximumPageSize", limits.maximumPageSize), ("limits.maximumRows", limits.maximumRows),
            ("limits.maximumBatchSize", limits.maximumBatchSize), ("limits.maximumKeys", limits.maximumKeys),
            ("registry.maximumCachedTenants", registry.maximumCachedTenants),
        ]
        for (name, value) in counts where value < 1 { throw invalid(name, "must be at least 1") }
        if caching.leaseTime > caching.blockTime {
            throw invalid("caching.leaseTime", "must not exceed caching.blockTime")
        }
        try validateEntities()
    }

    private func validateEntities() throws(TenancyError) {
        var names: Set<String> = []
        for entity in entities.map({ $0.entityDescription }) {
            var problems = entity.problems
            if entity.name.hasPrefix("tenancy_") { problems.append("names that begin with 'tenancy_' are reserved") }
            if !names.insert(entity.name).inserted { problems.append("two entities have this name") }
            guard problems.isEmpty else {
                throw TenancyError(
                    .schemaInvalid, "The schema can't be used: \(problems.joined(separator: "; ")).",
                    details: .init(entity: entity.name))
            }
        }
    }

    private func check(_ name: String, isPositive duration: Duration) throws(TenancyError) {
        guard duration > .zero else { throw invalid(name, "must be longer than nothing") }
    }

    private func invalid(_ name: String, _ rule: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "The setting '\(name)' \(rule).", hint: "Correct '\(name)'.")
    }
}

extension Entity {
    static var entityDescription: EntityDescription { schema.description }
}
