import TenancyCore

/// Every setting that a configuration may hold, given the kinds of database and cache that it may name.
struct SettingCatalog: Sendable {
    /// One of the sections whose settings depend on their `kind`.
    struct Section: Sendable {
        /// The section's name, such as `database`.
        let name: String
        /// The kinds that it may be of, with the settings of each, by their full names.
        let kinds: [(name: String, keys: [SettingKey])]

        /// The setting that names the kind.
        var kindKey: SettingKey { SettingKey("\(name).kind", .choice(kinds.map(\.name))) }

        fileprivate init(_ name: String, _ kinds: [(name: String, keys: [SettingKey])]) {
            self.name = name
            self.kinds = kinds.map { kind in
                (kind.name, kind.keys.map { SettingKey("\(name).\($0.name)", $0.kind, isRequired: $0.isRequired) })
            }
        }
    }

    let databases: [DatabaseScheme]
    let caches: [CacheScheme]
    let database: Section
    let cache: Section
    /// The settings that don't depend on a kind.
    let own = SDKConfig.settings

    init(databases: [DatabaseScheme], caches: [CacheScheme]) {
        self.databases = databases
        self.caches = caches
        database = Section("database", databases.map { ($0.name, $0.keys) })
        cache = Section("cache", caches.map { ($0.name, $0.keys) })
    }

    /// Every setting, whatever the kinds.
    var sectionKeys: [SettingKey] {
        own.map(\.key)
            + [database, cache].flatMap { section in [section.kindKey] + section.kinds.flatMap(\.keys) }
    }
}

/// Finds what somebody may have meant.
enum Spelling {
    /// The name that is nearest to a misspelled one; `nil` if none is near.
    static func nearest(to name: String, among names: some Sequence<String>) -> String? {
        let ranked = names.map { (name: $0, distance: distance(fold(name), fold($0))) }
        guard let best = ranked.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
        return best.distance <= max(2, name.utf8.count / 4) ? best.name : nil
    }

    /// Case and separators are what is confused most.
    private static func fold(_ name: String) -> [UInt8] {
        name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }

    /// How many letters must be added, removed or replaced to make one text of another (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
