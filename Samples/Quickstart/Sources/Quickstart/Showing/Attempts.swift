import Tenancy

/// Counts attempts to reach another tenant's rows, and those that did.
struct Attempts {
    private(set) var made = 0
    private(set) var leaks = 0
    /// How often there was nothing to attempt it with.
    private(set) var skipped = 0

    /// Whether nothing was reached, and that was tried for wherever it was to be.
    var showIsolation: Bool { made > 0 && leaks == 0 && skipped == 0 }

    mutating func skip() { skipped += 1 }

    /// An attempt that reached something if `reached`.
    mutating func add(_ reached: Bool) {
        made += 1
        if reached { leaks += 1 }
    }

    /// An attempt that must be refused with that code. Any other outcome counts as one that reached something.
    mutating func add(refusedWith code: TenancyError.Code, _ body: () async throws -> Void) async throws {
        do {
            try await body()
            add(true)
        } catch let error as TenancyError {
            add(error.code != code)
        }
    }
}
