/// Where a server listens.
public struct RedisEndpoint: Sendable, Hashable {
    /// The name or address.
    public var host: String
    /// The port.
    public var port: Int

    /// An endpoint.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}
