import Tenancy
import TenancyCore

/// Thrown by a body that is rolled back on purpose.
private struct RollbackOnPurpose: Error {}

extension Expecting {
    /// Runs a transaction that is rolled back on purpose at the end of its body. Anything else that ends it fails the
    /// case: what its body expected was then not looked at.
    func rolledBack(
        _ handle: TenantHandle, _ options: TransactionOptions = TransactionOptions(), file: StaticString = #fileID,
        line: Int = #line, _ body: (TenantHandle) async throws -> Void
    ) async {
        do {
            try await handle.transaction(options) { inside in
                try await body(inside)
                throw RollbackOnPurpose()
            }
            fail("a transaction was committed whose body threw", file: file, line: line)
        } catch is RollbackOnPurpose {
        } catch {
            fail("a transaction that was to be rolled back ended with \(error)", file: file, line: line)
        }
    }
}
