import TestServers

/// A lock of the administrator's, held from its making to ``release()``.
final class HeldLock: @unchecked Sendable {
    // Unchecked: the connection is used by one call after the other.
    private var connection: TestConnection?

    init(_ statement: String) async throws {
        try await blocking { [self] in
            let connection = try TestConnection(.admin)
            try connection.execute("BEGIN")
            try connection.execute(statement)
            self.connection = connection
        }
    }

    func release() async throws { try await blocking { [self] in _ = try connection?.execute("COMMIT") } }
}
