import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("SDKConfig.load")
struct ConfigurationTests {
    // MARK: What is read

    @Test("Everything that is not given has its default")
    func defaults() async throws {
        let config = try await load(environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe"])
        let expected = SDKConfig(database: config.database, entities: [])
        #expect(config.callTimeout == expected.callTimeout)
        #expect(config.shutdownTimeout == expected.shutdownTimeout)
        #expect(config.caching == expected.caching)
        #expect(config.registry == expected.registry)
        #expect(config.limits == expected.limits)
        #expect(config.cache == nil)
        #expect(config.database.name == "probe")
    }

    @Test("Every setting can be given by its key and by its variable", arguments: SDKConfig.settings.map(\.key.name))
    func everySetting(name: String) async throws {
        let setting = try #require(SDKConfig.settings.first { $0.key.name == name })
        let (text, isExpected): (String, (Settings.Value) -> Bool) =
            switch setting.key.kind.form {
            // A grace that is shorter than what it waits for is refused.
            case .duration where name == "registry.deletionGrace":
                ("40s", { if case .duration(.seconds(40)) = $0 { true } else { false } })
            case .duration: ("20s", { if case .duration(.seconds(20)) = $0 { true } else { false } })
            case .choice: ("json", { if case .text("json") = $0 { true } else { false } })
            case .integer: ("77", { if case .integer(77) = $0 { true } else { false } })
            default: ("0.25", { if case .number(0.25) = $0 { true } else { false } })
            }
        let variable = ConfigurationInput.variable(name)
        let byVariable = try await load(environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe", variable: text])
        #expect(try isExpected(#require(setting.value(in: byVariable))))
        let quoted = text.contains { $0.isLetter } ? "\"\(text)\"" : text
        let parts = name.split(separator: ".")
        let nested = parts.reversed().reduce(quoted) { inner, part in "{\"\(part)\": \(inner)}" }.dropFirst()
        let json = "{\"database\": {\"kind\": \"probe\"}, " + nested
        let jsonConfig = try await load(file: json, "json")
        #expect(try isExpected(#require(setting.value(in: jsonConfig))))
        let yaml =
            "database:\n  kind: probe\n"
            + (parts.count == 2 ? "\(parts[0]):\n  \(parts[1]): \(text)\n" : "\(name): \(text)\n")
        let yamlConfig = try await load(file: yaml, "yaml")
        #expect(try isExpected(#require(setting.value(in: yamlConfig))))
    }

    @Test("The documented table is the table that is read")
    func documentation() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/Tenancy/Configuration/SDKConfig+Load.swift")
        let text = try String(contentsOf: path, encoding: .utf8)
        let defaults = SDKConfig(database: .inMemory(), entities: [])
        for setting in SDKConfig.settings {
            let name = setting.key.name
            let value =
                switch setting.value(in: defaults) {
                case .duration(let value): value.settingText
                case .integer(let value): "\(value)"
                case .number(let value): "\(value)"
                case .text(let value): value
                case nil: "refreshInterval` and `callTimeout"
                default: "?"
                }
            let row = "| `\(name)` | `\(ConfigurationInput.variable(name))` |"
            let line = try #require(text.split(separator: "\n").first { $0.contains(row) }, "\(name)")
            #expect(line.contains("| `\(value)` |"), "\(name)")
        }
    }

    @Test("The environment goes before the file, and the file before the defaults")
    func precedence() async throws {
        let config = try await load(
            file: "database: {kind: probe}\ncallTimeout: 7s\nshutdownTimeout: 8s\n", "yml",
            environment: ["TENANCY_CONFIG_CALL_TIMEOUT": "250ms"])
        #expect(config.callTimeout == .milliseconds(250))
        #expect(config.shutdownTimeout == .seconds(8))
        #expect(config.caching.blockTime == .seconds(30))
    }

    @Test("The adapter's settings arrive with their types, a credential as a secret")
    func adapterSettings() async throws {
        let config = try await load(
            file: """
                {"database": {"kind": "probe", "host": "db", "port": 5432, "tls": true, "ratio": 0.5, "wait": "5m",
                 "model": "b"}}
                """, "json", environment: ["TENANCY_CONFIG_DATABASE_PASSWORD": "hunter2"])
        _ = config
        let given = Probe.last.withLock { $0 }
        let settings = try #require(given)
        #expect(settings.text("host") == "db")
        #expect(settings.integer("port") == 5_432)
        #expect(settings.boolean("tls") == true)
        #expect(settings.number("ratio") == 0.5)
        #expect(settings.duration("wait") == .seconds(300))
        #expect(settings.text("model") == "b")
        #expect(settings.secret("password")?.reveal() == "hunter2")
        #expect(settings.text("password") == nil)
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("hunter2") && !"\(settings)".contains("hunter2"))
    }

    @Test("A cache is used if its kind is named")
    func cache() async throws {
        let config = try await load(
            file: "database: {kind: probe}\ncache: {kind: memory, maximumBytes: 8192}\n", "yaml")
        #expect(config.cache?.name == "memory")
        let made = try config.cache?.make(AdapterEnvironment(logger: config.logger)) as? MemoryCache
        #expect(made?.maximumEntryBytes == 8_192)
    }

    @Test("Variables without the settings' prefix are passed over, whatever else they begin with")
    func otherVariables() async throws {
        let config = try await load(environment: [
            "TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_TEST_POSTGRES": "x", "TENANCY_CACHE_DIR": "y",
            "TENANCY_WARNINGS_AS_ERRORS": "1", "PATH": "/bin", "tenancy_config_call_timeout": "z",
            "TENANCY_CALL_TIMEOUT": "7s", "TENANCY_CONFIG": "z",
        ])
        #expect(config.callTimeout == .seconds(30))
    }

    @Test("Times are read with their units", arguments: ["250ms", "30s", "5m", "12h", "1d", "0s", "00007s"])
    func times(text: String) {
        let expected: [String: Duration] = [
            "250ms": .milliseconds(250), "30s": .seconds(30), "5m": .seconds(300), "12h": .seconds(43_200),
            "1d": .seconds(86_400), "0s": .zero, "00007s": .seconds(7),
        ]
        #expect(Duration(setting: text) == expected[text])
    }

    @Test(
        "A time without a unit, with a sign, a fraction or a space is refused",
        arguments: ["30", "", "s", "-1s", "+1s", "1.5s", "1 s", "1S", "١s", "1s2m", "99999999999999999999s"])
    func notTimes(text: String) { #expect(Duration(setting: text) == nil) }

    // MARK: What is wrong

    @Test(
        "A value of the wrong type names its key and not the value",
        arguments: [
            (#"{"callTimeout": 30}"#, "callTimeout"), (#"{"callTimeout": "soonish"}"#, "callTimeout"),
            (#"{"callTimeout": "31415"}"#, "callTimeout"),
            (#"{"limits": {"maximumRows": "31415"}}"#, "limits.maximumRows"),
            (#"{"limits": {"maximumRows": 3.1415}}"#, "limits.maximumRows"),
            (#"{"limits": {"maximumRows": true}}"#, "limits.maximumRows"),
            (#"{"limits": {"maximumRows": [31415]}}"#, "limits.maximumRows"),
            (#"{"caching": {"jitter": "31415"}}"#, "caching.jitter"),
            (#"{"caching": {"jitter": false}}"#, "caching.jitter"),
            (#"{"database": {"tls": "31415"}}"#, "database.tls"),
            (#"{"database": {"port": "soonish"}}"#, "database.port"),
            (#"{"database": {"model": "soonish"}}"#, "database.model"),
            (#"{"database": {"host": 31415}}"#, "database.host"),
            (#"{"database": {"password": 31415}}"#, "database.password"),
        ])
    func wrongTypes(json: String, key: String) async throws {
        let error = await failure(file: json, "json", environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe"])
        #expect(error.message.contains("'\(key)' (\(ConfigurationInput.variable(key)))"), "\(error)")
        for value in ["31415", "3.1415", "soonish"] { #expect(!"\(error)".contains(value), "\(error)") }
    }

    @Test(
        "A value out of its range names its key and the range",
        arguments: [
            ("TENANCY_CONFIG_CALL_TIMEOUT", "0s", "1ms…1d"), ("TENANCY_CONFIG_CALL_TIMEOUT", "25h", "1ms…1d"),
            ("TENANCY_CONFIG_CACHING_JITTER", "0.51", "0.0…0.5"), ("TENANCY_CONFIG_CACHING_JITTER", "nan", "0.0…0.5"),
            ("TENANCY_CONFIG_CACHING_JITTER", "-0.1", "0.0…0.5"),
            ("TENANCY_CONFIG_LIMITS_MAXIMUM_KEYS", "0", "1…1000000"),
            ("TENANCY_CONFIG_LIMITS_MAXIMUM_ROWS", "-5", "1…100000000"),
            ("TENANCY_CONFIG_DATABASE_PORT", "65536", "1…65535"),
        ])
    func ranges(variable: String, value: String, range: String) async {
        let error = await failure(environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe", variable: value])
        #expect(error.message.contains(variable) && error.message.contains(range), "\(error)")
    }

    @Test("A misspelled key is told, with what may have been meant")
    func misspelled() async {
        let inFile = await failure(
            file: "database: {kind: probe}\ncaching:\n  blokTime: 31415s\n", "yaml")
        #expect(inFile.message.contains("'caching.blokTime' is no setting; did you mean 'caching.blockTime'?"))
        let variable = await failure(
            environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_CONFIG_CACHING_BLOCKTIME": "31415s"])
        #expect(
            variable.message.contains(
                "'TENANCY_CONFIG_CACHING_BLOCKTIME' is no setting; did you mean 'TENANCY_CONFIG_CACHING_BLOCK_TIME'?"))
        let far = await failure(environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_CONFIG_XYZZY": "31415"])
        #expect(far.message.contains("'TENANCY_CONFIG_XYZZY' is no setting") && !far.message.contains("did you mean"))
        for error in [inFile, variable, far] { #expect(!"\(error)".contains("31415")) }
    }

    @Test("A section with a value, and a setting of another kind, are told")
    func misplaced() async {
        let section = await failure(file: #"{"database": {"kind": "probe"}, "caching": 5}"#, "json")
        #expect(section.message.contains("'caching' is a section, not a setting"))
        let other = await failure(file: #"{"database": {"kind": "probe", "directory": "x"}}"#, "json")
        #expect(other.message.contains("'database.directory' is not a setting of the kind"), "\(other)")
    }

    @Test("A key that is given flat and nested is given twice")
    func twice() async {
        let error = await failure(
            file: #"{"database": {"kind": "probe"}, "caching.jitter": 0.1, "caching": {"jitter": 0.2}}"#, "json")
        #expect(error.message.contains("'caching.jitter' (TENANCY_CONFIG_CACHING_JITTER) is given twice"), "\(error)")
    }

    @Test("A missing kind, an unknown kind and a missing setting are told")
    func missing() async {
        let noKind = await failure(environment: [:])
        #expect(noKind.message.contains("'database.kind' (TENANCY_CONFIG_DATABASE_KIND) is missing"))
        #expect(noKind.message.contains("'probe' or 'strict'"))
        let unknown = await failure(environment: ["TENANCY_CONFIG_DATABASE_KIND": "31415"])
        #expect(unknown.message.contains("'database.kind'") && !unknown.message.contains("31415"))
        let setting = await failure(environment: ["TENANCY_CONFIG_DATABASE_KIND": "strict"])
        #expect(setting.message.contains("'database.directory' (TENANCY_CONFIG_DATABASE_DIRECTORY) is missing"))
        let cache = await failure(
            environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_CONFIG_CACHE_MAXIMUM_BYTES": "8192"])
        #expect(cache.message.contains("'cache.kind' (TENANCY_CONFIG_CACHE_KIND) is missing"), "\(cache)")
    }

    @Test("Settings that contradict each other are told")
    func contradiction() async {
        let error = await failure(environment: [
            "TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_CONFIG_CACHING_LEASE_TIME": "40s",
            "TENANCY_CONFIG_CACHING_BLOCK_TIME": "20s",
        ])
        #expect(error.message.contains("'caching.leaseTime' (TENANCY_CONFIG_CACHING_LEASE_TIME) must not exceed"))
    }

    @Test("A deletion that waits for less than other processes may take is refused, unless it is not to wait at all")
    func shortGrace() async throws {
        func start(_ grace: Duration?, _ refresh: Duration, _ timeout: Duration) async -> TenancyError? {
            do {
                let sdk = try await MultiTenantSDK.make {
                    $0.registry.deletionGrace = grace
                    $0.registry.refreshInterval = refresh
                    $0.callTimeout = timeout
                }
                await sdk.shutDown()
                return nil
            } catch { return TenancyError.wrap(error) }
        }
        for grace in [Duration.milliseconds(1), .seconds(5), .seconds(30), .milliseconds(34_999)] {
            let error = await start(grace, .seconds(5), .seconds(30))
            #expect(error?.code == .invalidConfiguration)
            for name in ["'registry.deletionGrace'", "'registry.refreshInterval'", "'callTimeout'"] {
                #expect(error?.message.contains(name) == true, "\(grace)")
            }
        }
        for grace in [nil, Duration.zero, .seconds(35), .seconds(3_600)] {
            #expect(await start(grace, .seconds(5), .seconds(30)) == nil)
        }
        #expect(await start(.seconds(35), .seconds(6), .seconds(30))?.code == .invalidConfiguration)
        let loaded = await failure(environment: [
            "TENANCY_CONFIG_DATABASE_KIND": "probe", "TENANCY_CONFIG_REGISTRY_DELETION_GRACE": "10s",
        ])
        #expect(loaded.message.contains("TENANCY_CONFIG_REGISTRY_DELETION_GRACE"), "\(loaded)")
    }

    @Test("All problems are told at once")
    func together() async {
        let error = await failure(
            file: #"{"callTimeout": 1, "limits": {"maximumRow": 5}}"#, "json",
            environment: ["TENANCY_CONFIG_CACHING_JITTER": "2", "TENANCY_CONFIG_NONSENSE": "x"])
        for part in [
            "'callTimeout'", "'limits.maximumRow'", "'caching.jitter'", "'TENANCY_CONFIG_NONSENSE'", "'database.kind'",
        ] {
            #expect(error.message.contains(part), "\(part): \(error)")
        }
    }

    @Test("What a factory refuses is told with its section")
    func refused() async {
        let error = await failure(
            environment: ["TENANCY_CONFIG_DATABASE_KIND": "strict", "TENANCY_CONFIG_DATABASE_DIRECTORY": "relative"])
        #expect(error.message.contains("section 'database' is refused: The directory is not absolute"))
    }

    @Test(
        "A file that is no document is refused without quoting it",
        arguments: [("json", "{31415"), ("json", "[31415]"), ("yaml", "a: [31415"), ("yaml", "- 31415"), ("yaml", "")])
    func malformed(format: String, text: String) async {
        let error = await failure(file: text, format, environment: ["TENANCY_CONFIG_DATABASE_KIND": "probe"])
        #expect(!"\(error)".contains("31415"))
        #expect(error.message.contains(format == "json" ? "not JSON" : "not YAML"), "\(error)")
    }

    @Test("A file that is not there, and one of another format, are refused")
    func noFile() async {
        await expectError(.invalidConfiguration) { _ = try await load(path: "/nowhere/tenancy.yaml") }
        await expectError(.invalidConfiguration) { _ = try await load(path: "/etc/hosts") }
    }

    @Test("Settings made in code are checked like those of a file")
    func validation() throws {
        var config = SDKConfig(database: .inMemory(), entities: [])
        config.callTimeout = .zero
        config.limits.maximumRows = .max
        config.caching.leaseTime = .seconds(40)
        do {
            try config.validate()
            Issue.record("Nothing was refused.")
        } catch {
            for name in ["'callTimeout'", "'limits.maximumRows'", "'caching.leaseTime'"] {
                #expect(error.message.contains(name))
            }
        }
    }
}

// MARK: Support

/// Kinds of database that make nothing and remember what they were given.
private enum Probe {
    static let last = Mutex<Settings?>(nil)

    static let scheme = DatabaseScheme(
        name: "probe",
        keys: [
            SettingKey("host", .text), SettingKey("port", .integer(in: 1...65_535)), SettingKey("tls", .boolean),
            SettingKey("ratio", .number(in: 0...1)), SettingKey("wait", .duration(in: .zero ... .seconds(600))),
            SettingKey("password", .secret), SettingKey("model", .choice(["a", "b"])),
        ]
    ) { settings throws(TenancyError) in
        if settings.text("host") != nil { last.withLock { $0 = settings } }
        return DatabaseSource(name: "probe") { _ throws(TenancyError) in InMemoryDatabase() }
    }

    static let strict = DatabaseScheme(
        name: "strict", keys: [SettingKey("directory", .text, isRequired: true)]
    ) { settings throws(TenancyError) in
        guard settings.text("directory")?.hasPrefix("/") == true else {
            throw TenancyError(.invalidConfiguration, "The directory is not absolute.")
        }
        return .inMemory()
    }
}

private func load(
    path: String? = nil, environment: [String: String] = [:]
) async throws(TenancyError) -> SDKConfig {
    try await SDKConfig.load(
        entities: [], databases: [Probe.scheme, Probe.strict], caches: [.memory], from: path, environment: environment)
}

private func load(
    file text: String, _ format: String, environment: [String: String] = [:]
) async throws -> SDKConfig {
    let url = FileManager.default.temporaryDirectory.appending(path: "tenancy-\(UUID().uuidString).\(format)")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await load(path: url.path, environment: environment)
}

private func failure(
    file text: String? = nil, _ format: String = "json", environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) async -> TenancyError {
    do {
        if let text {
            _ = try await load(file: text, format, environment: environment)
        } else {
            _ = try await load(environment: environment)
        }
    } catch let error as TenancyError {
        #expect(error.code == .invalidConfiguration, sourceLocation: sourceLocation)
        return error
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
    Issue.record("Nothing was refused.", sourceLocation: sourceLocation)
    return TenancyError(.backendFailure, "Nothing was refused.")
}
