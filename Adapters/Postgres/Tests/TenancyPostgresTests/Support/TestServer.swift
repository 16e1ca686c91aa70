import Foundation
import Testing

/// A server that `scripts/services` starts, and the variable that says where it is.
struct TestServer: Sendable {
    let variable: String

    static let application = TestServer(variable: "TENANCY_TEST_POSTGRES_URL")
    static let admin = TestServer(variable: "TENANCY_TEST_POSTGRES_ADMIN_URL")
    static let replica = TestServer(variable: "TENANCY_TEST_POSTGRES_REPLICA_URL")
    static let pooler = TestServer(variable: "TENANCY_TEST_PGBOUNCER_URL")

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
        "\(variable) is not set; run `scripts/services up postgres pgbouncer` and `eval \"$(scripts/services env)\"`"
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

/// Runs a body that blocks on a thread of its own, so that none of the cooperative pool waits for a server.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result(catching: body)) }
        thread.name = "tenancy-postgres-test"
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// A name that no other run uses, and that says where it comes from if one is left behind.
func uniqueName(_ prefix: String) -> String {
    "\(prefix)_\(String(UInt64.random(in: 0 ... .max), radix: 36))"
}
