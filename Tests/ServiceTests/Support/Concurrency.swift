import Foundation

/// Runs a body that blocks on a thread of its own, so that none of the cooperative pool waits for a server.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result(catching: body)) }
        thread.name = "tenancy-service-test"
        thread.start()
    }
}

/// A name that no other run uses, and that says where it comes from if one is left behind.
func uniqueName(_ prefix: String) -> String {
    let suffix = UInt64.random(in: 0 ... .max)
    return "\(prefix)_\(String(suffix, radix: 36))"
}

/// Asks until the answer is the wanted one, and returns the last answer; for what arrives a moment later.
func eventually<Value: Equatable>(
    _ wanted: Value,
    within limit: Duration = .seconds(30),
    _ ask: () throws -> Value
) throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        let answer = try ask()
        if answer == wanted || ContinuousClock.now > deadline { return answer }
        Thread.sleep(forTimeInterval: 0.02)
    }
}
