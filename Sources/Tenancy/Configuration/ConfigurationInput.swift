import Configuration
import Foundation
import Synchronization
import TenancyCore

/// What a file and the environment hold: which keys, and a reader for their values.
struct ConfigurationInput: Sendable {
    /// Settings have a prefix to themselves, so that whatever else an application or a script of this package calls
    /// `TENANCY_…` can't be taken for a misspelled one.
    private static let prefix: ConfigKey = "tenancy.config"
    private static let variablePrefix = "TENANCY_CONFIG_"

    /// The file's keys in dotted form, each as often as the file has it.
    let fileKeys: [String]
    /// The variables that begin with the prefix.
    let variables: [String]
    private let reader: ConfigSnapshotReader
    private let booleans: Set<String>

    /// Opens the sources.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration`` if the file can't be read.
    init(_ path: String?, _ environment: [String: String], _ keys: [SettingKey]) async throws(TenancyError) {
        let secrets = Set(keys.filter(\.kind.isSecret).map(\.name))
        let ours = environment.filter { $0.key.hasPrefix(Self.variablePrefix) }
        variables = ours.keys.sorted()
        let secretVariables = Set(secrets.map(Self.variable))
        let environment = EnvironmentVariablesProvider(
            environmentVariables: ours, secretsSpecifier: .specific(secretVariables))
        var providers: [any ConfigProvider] = [environment.prefixKeys(with: Self.prefix)]
        let seen = SeenKeys()
        if let path {
            // Looking for a file and reading it block the thread, for long if it lies on a network's disk.
            let file = await Task(executorPreference: BlockingExecutor()) {
                () async -> Result<any ConfigProvider, TenancyError> in
                do throws(TenancyError) {
                    return .success(try await Self.file(path, secrets, seen))
                } catch {
                    return .failure(error)
                }
            }.value
            providers.append(try file.get())
        }
        fileKeys = seen.keys.sorted()
        booleans = seen.booleans
        reader = ConfigReader(providers: providers).snapshot()
    }

    /// The environment variable of a key, as the provider makes it: `TENANCY_CONFIG_CACHING_BLOCK_TIME`.
    static func variable(_ key: String) -> String {
        let encoder = EnvironmentVariablesProvider(environmentVariables: [:]).prefixKeys(with: prefix)
        let absolute = AbsoluteConfigKey(ConfigKey(key).components)
        return (try? encoder.value(forKey: absolute, type: .string).encodedKey) ?? key
    }

    /// The value of a key that is there; `nil` if it is not of that kind.
    func value(_ key: SettingKey, inFile: Bool) -> Settings.Value? {
        let name = ConfigKey(key.name)
        if inFile, booleans.contains(key.name) != (key.kind.form == .boolean), isNumeric(key) { return nil }
        do {
            switch key.kind.form {
            case .text, .choice: return .text(try reader.requiredString(forKey: name))
            case .secret: return .secret(Secret(try reader.requiredString(forKey: name, isSecret: true)))
            case .boolean: return .boolean(try reader.requiredBool(forKey: name))
            case .integer: return .integer(try reader.requiredInt(forKey: name))
            case .number: return .number(try reader.requiredDouble(forKey: name))
            case .duration: return Duration(setting: try reader.requiredString(forKey: name)).map { .duration($0) }
            }
        } catch {
            // The provider's error may hold the value.
            return nil
        }
    }

    private func isNumeric(_ key: SettingKey) -> Bool {
        switch key.kind.form {
        case .integer, .number: true
        default: false
        }
    }

    // MARK: The file

    /// Collects the keys that a file's provider asks about. It asks whether each is secret, which is the one place
    /// where it tells what the file holds.
    private final class SeenKeys: Sendable {
        private struct State {
            var keys: [String] = []
            var booleans: Set<String> = []
        }

        private let state = Mutex(State())
        var keys: [String] { state.withLock(\.keys) }
        var booleans: Set<String> { state.withLock(\.booleans) }

        func add(_ key: String, isBoolean: Bool = false) {
            state.withLock { state in
                state.keys.append(key)
                if isBoolean { state.booleans.insert(key) }
            }
        }
    }

    private static func file(
        _ path: String, _ secrets: Set<String>, _ seen: SeenKeys
    ) async throws(TenancyError) -> any ConfigProvider {
        let reader = ConfigReader(
            provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(path), isSecret: false)]))
        let format = path.split(separator: ".").last.map { $0.lowercased() }
        guard let format, ["json", "yaml", "yml"].contains(format) else {
            throw invalid("The configuration file's name ends neither in .json nor in .yaml or .yml.")
        }
        guard FileManager.default.fileExists(atPath: path) else {
            throw invalid("The configuration file is not there.")
        }
        do {
            guard format == "json" else {
                let options = YAMLSnapshot.ParsingOptions(
                    secretsSpecifier: .dynamic { key, _ in
                        seen.add(key)
                        return secrets.contains(key)
                    })
                return try await FileProvider<YAMLSnapshot>(parsingOptions: options, config: reader)
            }
            let options = JSONSnapshot.ParsingOptions(
                secretsSpecifier: .dynamic { key, value in
                    seen.add(key, isBoolean: isBoolean(value))
                    return secrets.contains(key)
                })
            return try await FileProvider<JSONSnapshot>(parsingOptions: options, config: reader)
        } catch {
            // What the parser says may quote the file.
            throw invalid("The configuration file can't be read, or is not \(format == "json" ? "JSON" : "YAML").")
        }
    }

    /// Whether a value of a JSON document is `true` or `false`, which the provider would also take for 1 or 0.
    private static func isBoolean(_ value: any Sendable) -> Bool {
        (value as? NSNumber).map { String(cString: $0.objCType) == "c" } ?? (type(of: value) == Bool.self)
    }

    private static func invalid(_ message: String) -> TenancyError {
        TenancyError(
            .invalidConfiguration, message,
            hint: "Pass the path of a JSON object or a YAML mapping that this process may read.")
    }
}
