public import TenancyCore

extension DatabaseScheme {
    /// SQLite files, as a configuration file names them; see ``SQLiteConfiguration``.
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `database.path` | `TENANCY_CONFIG_DATABASE_PATH` | text | – (required) | a file or directory |
    /// | `database.model` | `TENANCY_CONFIG_DATABASE_MODEL` | text | `shared` | `shared` or `filePerTenant` |
    /// | `database.durability` | `TENANCY_CONFIG_DATABASE_DURABILITY` | text | `process` | `process` or `machine` |
    /// | `database.maximumReaders` | `TENANCY_CONFIG_DATABASE_MAXIMUM_READERS` | integer | `4` | `1…256` |
    /// | `database.maximumStreams` | `TENANCY_CONFIG_DATABASE_MAXIMUM_STREAMS` | integer | `16` | `1…256` |
    /// | `database.maximumOpenFiles` | `TENANCY_CONFIG_DATABASE_MAXIMUM_OPEN_FILES` | integer | `64` | `1…100000` |
    /// | `database.maximumStatements` | `TENANCY_CONFIG_DATABASE_MAXIMUM_STATEMENTS` | integer | `128` | `1…100000` |
    /// | `database.busyTimeout` | `TENANCY_CONFIG_DATABASE_BUSY_TIMEOUT` | time | `5s` | `0ms…1h` |
    /// | `database.maximumFileBytes` | `TENANCY_CONFIG_DATABASE_MAXIMUM_FILE_BYTES` | integer | no bound | from `65536` on |
    /// | `database.cacheBytes` | `TENANCY_CONFIG_DATABASE_CACHE_BYTES` | integer | `16777216`, `2097152` with `filePerTenant` | `0…1099511627776` |
    /// | `database.mappedBytes` | `TENANCY_CONFIG_DATABASE_MAPPED_BYTES` | integer | `0` | `0…1099511627776` |
    /// | `database.readOnly` | `TENANCY_CONFIG_DATABASE_READ_ONLY` | boolean | `false` | |
    public static var sqlite: DatabaseScheme {
        DatabaseScheme(
            name: "sqlite",
            keys: [
                SettingKey("path", .text, isRequired: true),
                SettingKey("model", .choice(models.map(\.description))),
                SettingKey("durability", .choice(durabilities.map(\.description))),
                SettingKey("maximumReaders", .integer(in: 1...256)),
                SettingKey("maximumStreams", .integer(in: 1...256)),
                SettingKey("maximumOpenFiles", .integer(in: 1...100_000)),
                SettingKey("maximumStatements", .integer(in: 1...100_000)),
                SettingKey("busyTimeout", .duration(in: .zero ... .seconds(3_600))),
                SettingKey("maximumFileBytes", .integer(in: 65_536 ... .max)),
                SettingKey("cacheBytes", .integer(in: 0...1 << 40)),
                SettingKey("mappedBytes", .integer(in: 0...1 << 40)),
                SettingKey("readOnly", .boolean),
            ]
        ) { settings throws(TenancyError) in
            let configuration = configuration(settings)
            try configuration.validate()
            return .sqlite(configuration)
        }
    }

    private static let models: [SQLiteConfiguration.Model] = [.shared, .filePerTenant]
    private static let durabilities: [SQLiteConfiguration.Durability] = [.process, .machine]

    private static func configuration(_ settings: Settings) -> SQLiteConfiguration {
        var result = SQLiteConfiguration(path: settings.text("path") ?? "")
        if let name = settings.text("model"), let model = models.first(where: { $0.description == name }) {
            result.model = model
        }
        if let name = settings.text("durability"),
            let durability = durabilities.first(where: { $0.description == name })
        {
            result.durability = durability
        }
        result.maximumReaders = settings.integer("maximumReaders") ?? result.maximumReaders
        result.maximumStreams = settings.integer("maximumStreams") ?? result.maximumStreams
        result.maximumOpenFiles = settings.integer("maximumOpenFiles") ?? result.maximumOpenFiles
        result.maximumStatements = settings.integer("maximumStatements") ?? result.maximumStatements
        result.busyTimeout = settings.duration("busyTimeout") ?? result.busyTimeout
        result.maximumFileBytes = settings.integer("maximumFileBytes").map(Int64.init) ?? result.maximumFileBytes
        result.cacheBytes = settings.integer("cacheBytes") ?? result.cacheBytes
        result.mappedBytes = settings.integer("mappedBytes") ?? result.mappedBytes
        result.isReadOnly = settings.boolean("readOnly") ?? result.isReadOnly
        return result
    }
}
