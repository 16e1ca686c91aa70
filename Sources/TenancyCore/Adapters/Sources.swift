public import Logging

/// What an adapter is given when it is made.
public struct AdapterEnvironment: Sendable {
    /// Where the adapter logs.
    public var logger: Logger

    /// An environment.
    public init(logger: Logger) { self.logger = logger }
}

/// Which database to use and how. Adapters add static factories, such as `.sqlite(path:)`.
public struct DatabaseSource: Sendable {
    /// The backend's name.
    public let name: String
    /// Makes an adapter, which is not started.
    public let make: @Sendable (AdapterEnvironment) throws(TenancyError) -> any DatabaseAdapter

    /// A database that `make` makes an adapter for.
    public init(
        name: String, make: @escaping @Sendable (AdapterEnvironment) throws(TenancyError) -> any DatabaseAdapter
    ) {
        self.name = name
        self.make = make
    }
}

/// Which cache to use and how. Adapters add static factories.
public struct CacheSource: Sendable {
    /// The backend's name.
    public let name: String
    /// Makes an adapter, which is not started.
    public let make: @Sendable (AdapterEnvironment) throws(TenancyError) -> any CacheAdapter

    /// A cache that `make` makes an adapter for.
    public init(
        name: String, make: @escaping @Sendable (AdapterEnvironment) throws(TenancyError) -> any CacheAdapter
    ) {
        self.name = name
        self.make = make
    }
}

/// A kind of database that a configuration file can name. Adapters add static members, such as `.sqlite`.
public struct DatabaseScheme: Sendable {
    /// The kind's name, as the value of `database.kind`.
    public let name: String
    /// The settings beside the kind, in the section `database`.
    public let keys: [SettingKey]
    /// Makes a source from the settings that were given.
    public let make: @Sendable (Settings) throws(TenancyError) -> DatabaseSource

    /// A kind of database.
    public init(
        name: String, keys: [SettingKey],
        make: @escaping @Sendable (Settings) throws(TenancyError) -> DatabaseSource
    ) {
        self.name = name
        self.keys = keys
        self.make = make
    }
}

/// A kind of cache that a configuration file can name. Adapters add static members, such as `.memory`.
public struct CacheScheme: Sendable {
    /// The kind's name, as the value of `cache.kind`.
    public let name: String
    /// The settings beside the kind, in the section `cache`.
    public let keys: [SettingKey]
    /// Makes a source from the settings that were given.
    public let make: @Sendable (Settings) throws(TenancyError) -> CacheSource

    /// A kind of cache.
    public init(
        name: String, keys: [SettingKey], make: @escaping @Sendable (Settings) throws(TenancyError) -> CacheSource
    ) {
        self.name = name
        self.keys = keys
        self.make = make
    }
}
