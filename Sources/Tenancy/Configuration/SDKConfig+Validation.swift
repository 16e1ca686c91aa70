import TenancyCore

extension SDKConfig {
    /// Checks every setting that can be checked without a connection.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming the settings, or
    ///   ``TenancyError/Code/schemaInvalid``, naming the entity and everything that is wrong with it.
    func validate() throws(TenancyError) {
        var problems = Self.settings.compactMap { setting in
            setting.value(in: self).flatMap { setting.key.kind.problem(of: $0) }
                .map { "'\(setting.key.name)' \($0)" }
        }
        problems += caching.problems(entities: Set(entities.map { $0.entityDescription.name }))
        problems += contradictions.map { "'\($0.name)' \($0.problem)" }
        guard problems.isEmpty else {
            throw TenancyError(
                .invalidConfiguration, "The configuration can't be used: \(problems.joined(separator: "; ")).",
                hint: "Correct the named settings.")
        }
        try validateEntities()
    }

    private func validateEntities() throws(TenancyError) {
        var names: Set<String> = []
        for type in entities {
            let entity = type.entityDescription
            var problems = entity.problems
            if problems.isEmpty {
                problems = type.misplacedFields.map {
                    "field '\($0)' stands in the place of another in the initializer"
                }
            }
            if entity.name.hasPrefix("tenancy_") { problems.append("names that begin with 'tenancy_' are reserved") }
            if !names.insert(entity.name).inserted { problems.append("two entities have this name") }
            guard problems.isEmpty else {
                throw TenancyError(
                    .schemaInvalid, "The schema can't be used: \(problems.joined(separator: "; ")).",
                    details: .init(entity: entity.name))
            }
        }
    }
}

extension SDKConfig.CachingPolicy {
    /// What is wrong with the entities' policies.
    fileprivate func problems(entities names: Set<String>) -> [String] {
        entities.sorted { $0.key < $1.key }.flatMap { name, policy -> [String] in
            guard names.contains(name) else { return ["'caching.entities' names '\(name)', which is no entity"] }
            let lives = [("timeToLive", policy.timeToLive), ("absenceTimeToLive", policy.absenceTimeToLive)]
            return lives.compactMap { setting, life in
                guard let life, life < .milliseconds(1) || life > .seconds(365 * 86_400) else { return nil }
                return "'caching.entities' has a '\(setting)' outside 1ms…365d for '\(name)'"
            }
        }
    }
}

extension Entity {
    static var entityDescription: EntityDescription { schema.description }
    static var misplacedFields: [String] { schema.misplacedFields }
}
