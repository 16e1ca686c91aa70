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
