import Tenancy

/// Counts attempts to reach another tenant's rows, and those that did.
struct Attempts {
    private(set) var made = 0
    private(set) var leaks = 0

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
