import TenancyCore

/// Makes a configuration of what a file and the environment hold, and collects everything that is wrong with it.
struct ConfigurationLoader {
    let catalog: SettingCatalog
    let input: ConfigurationInput
    private let fileKeys: Set<String>
    private let variables: Set<String>
    private var problems: [String] = []
    private var known: Set<String> = []

    init(catalog: SettingCatalog, input: ConfigurationInput) {
        self.catalog = catalog
        self.input = input
        fileKeys = Set(input.fileKeys)
        variables = Set(input.variables)
    }

    /// The configuration.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming all that is wrong.
    mutating func load(_ entities: [any Entity.Type]) throws(TenancyError) -> SDKConfig {
        let catalog = catalog
        let database = source(catalog.database, isRequired: true) { kind in
            catalog.databases.first { $0.name == kind }?.make
        }
        let cache = source(catalog.cache, isRequired: false) { kind in
            catalog.caches.first { $0.name == kind }?.make
        }
        let placeholder = DatabaseSource(name: "none") { _ throws(TenancyError) in
            throw TenancyError(.invalidConfiguration, "No database is configured.")
        }
        var config = SDKConfig(database: database ?? placeholder, entities: entities, cache: cache)
        for setting in catalog.own {
            if let value = value(setting.key) { setting.apply(value, to: &config) }
        }
        for (name, problem) in config.contradictions { report(name, problem) }
        reportUnknown()
        guard problems.isEmpty else {
            throw TenancyError(
                .invalidConfiguration, "The configuration can't be used: \(problems.joined(separator: "; ")).",
                hint: "Correct the named settings. The keys are listed at SDKConfig.load.")
        }
        return config
    }

    // MARK: Sections with a kind

    private mutating func source<Source>(
        _ section: SettingCatalog.Section, isRequired: Bool,
        _ factory: (String) -> (@Sendable (Settings) throws(TenancyError) -> Source)?
    ) -> Source? {
        let problemsBefore = problems.count
        let kindKey = section.kindKey
        guard case .text(let kind) = value(kindKey), let make = factory(kind) else {
            // Which settings the section may have is not known then; those of no kind at all are reported.
            known.formUnion(section.kinds.flatMap { $0.keys.map(\.name) })
            let hasOthers = hasKeys(of: section)
            if problems.count == problemsBefore, isRequired || hasOthers {
                report(kindKey.name, "is missing; it \(kindKey.kind.expectation)")
            }
            return nil
        }
        var values: [String: Settings.Value] = [:]
        for key in section.kinds.first(where: { $0.name == kind })?.keys ?? [] {
            if let value = value(key) {
                values[String(key.name.dropFirst(section.name.count + 1))] = value
            } else if key.isRequired, !isPresent(key.name) {
                report(key.name, "is missing; it \(key.kind.expectation)")
            }
        }
        guard problems.count == problemsBefore else { return nil }
        do throws(TenancyError) {
            return try make(Settings(values))
        } catch {
            problems.append("section '\(section.name)' is refused: \(error.message.trimmingFinalDot)")
            return nil
        }
    }

    private func hasKeys(of section: SettingCatalog.Section) -> Bool {
        section.kinds.flatMap(\.keys).contains { isPresent($0.name) }
            || input.fileKeys.contains { $0.hasPrefix("\(section.name).") }
    }

    // MARK: Values

    private func isPresent(_ name: String) -> Bool {
        fileKeys.contains(name) || variables.contains(ConfigurationInput.variable(name))
    }

    /// The value of a setting; `nil` if it is not given, or wrong, which is then reported.
    private mutating func value(_ key: SettingKey) -> Settings.Value? {
        known.insert(key.name)
        guard isPresent(key.name) else { return nil }
        let isInFile = !variables.contains(ConfigurationInput.variable(key.name))
        guard let value = input.value(key, inFile: isInFile) else {
            report(key.name, key.kind.expectation)
            return nil
        }
        if let problem = key.kind.problem(of: value) {
            report(key.name, problem)
            return nil
        }
        return value
    }

    // MARK: Problems

    private mutating func report(_ name: String, _ problem: String) {
        problems.append("'\(name)' (\(ConfigurationInput.variable(name))) \(problem)")
    }

    private mutating func reportUnknown() {
        var previous: String?
        for key in input.fileKeys {
            if key == previous { report(key, "is given twice") }
            previous = key
            if !known.contains(key) { problems.append(unknown(key, among: known)) }
        }
        let knownVariables = Set(known.map(ConfigurationInput.variable))
        for variable in input.variables where !knownVariables.contains(variable) {
            problems.append(unknown(variable, among: knownVariables))
        }
    }

    private func unknown(_ name: String, among known: Set<String>) -> String {
        // A key is a name, but a file may be anything.
        let shown = String(
            name.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "?" : Character($0) })
        if known.contains(where: { $0.hasPrefix("\(name).") }) { return "'\(shown)' is a section, not a setting" }
        if let elsewhere = Set(catalog.sectionKeys.map(\.name)).first(where: {
            $0 == name || ConfigurationInput.variable($0) == name
        }) {
            return "'\(shown)' is not a setting of the kind that is named by "
                + "'\(elsewhere.prefix { $0 != "." }).kind'"
        }
        let hint = Spelling.nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
        return "'\(shown)' is no setting\(hint)"
    }
}

extension String {
    fileprivate var trimmingFinalDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
