import Foundation
import Testing

/// A server that `scripts/services` starts, and the variable that says where it is.
struct TestServer: Sendable {
    let variable: String

    static let application = TestServer(variable: "TENANCY_TEST_REDIS_URL")
    static let admin = TestServer(variable: "TENANCY_TEST_REDIS_ADMIN_URL")
    static let secure = TestServer(variable: "TENANCY_TEST_REDIS_TLS_URL")

    /// The server's address.
    func address() throws -> String {
        guard let value = Self.environment(variable) else { throw MissingServer(server: self) }
        return value
    }

    static func environment(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// On CI a test of an absent server runs, and fails for want of its address; elsewhere it is skipped.
    fileprivate var isToBeTested: Bool { Self.environment(variable) != nil || Self.environment("CI") != nil }

    fileprivate var howToGetIt: String {
        "\(variable) is not set; run `scripts/services up redis` and `eval \"$(scripts/services env)\"`"
    }

    struct MissingServer: Error, CustomStringConvertible {
        let server: TestServer
        var description: String { server.howToGetIt }
    }
}

extension Trait where Self == ConditionTrait {
    static func requires(_ server: TestServer) -> Self {
        .enabled(if: server.isToBeTested, Comment(rawValue: server.howToGetIt))
    }
}
