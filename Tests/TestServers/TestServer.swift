import Foundation
public import Testing

/// A server that `scripts/services` starts, and the variable that says where it is.
public struct TestServer: Sendable {
    /// The variable that holds the server's address.
    public let variable: String
    /// What `scripts/services up` calls the server.
    public let name: String
    /// The variable that says why this server can't be had on this machine, for the one that may be absent.
    let unavailableVariable: String?

    /// A server of that name, whose address is in that variable.
    public init(variable: String, name: String, unavailableVariable: String? = nil) {
        self.variable = variable
        self.name = name
        self.unavailableVariable = unavailableVariable
    }

    /// The server's address, or all of them where there are several, separated by commas.
    public func address() throws -> String {
        guard let value = Self.environment(variable) else { throw MissingServer(server: self) }
        return value
    }

    /// The variable's value; `nil` if it is empty or absent.
    public static func environment(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// On CI a test of an absent server runs, and fails for want of its address; elsewhere it is skipped.
    fileprivate var isToBeTested: Bool {
        if let unavailableVariable, Self.environment(unavailableVariable) != nil { return false }
        return Self.environment(variable) != nil || Self.environment("CI") != nil
    }

    fileprivate var howToGetIt: String {
        if let reason = unavailableVariable.flatMap(Self.environment) { return "\(name) can't be had here: \(reason)" }
        return "\(variable) is not set; run `scripts/services up \(name)` and `eval \"$(scripts/services env)\"`"
    }

    /// A test runs without its server.
    public struct MissingServer: Error, CustomStringConvertible {
        /// The server.
        public let server: TestServer
        /// How to get it.
        public var description: String { server.howToGetIt }
    }
}

extension Trait where Self == ConditionTrait {
    /// Tests that need a server.
    public static func requires(_ server: TestServer) -> Self {
        .enabled(if: server.isToBeTested, Comment(rawValue: server.howToGetIt))
    }
}
