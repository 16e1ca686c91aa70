import Foundation

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
