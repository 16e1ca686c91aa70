import Synchronization
import TenancyCore

/// The transactions in whose bodies a task runs, so that a call that would wait for one of them is refused instead.
///
/// A file has one writer. A write that a transaction's body makes outside of the transaction would wait for the writer
/// that the transaction gives back when its body has ended: never. Tasks that a body starts inherit the mark, because the
/// body waits for its child tasks, and nothing tells an unstructured one that it does not wait for; detached tasks
/// don't.
final class OpenTransaction: Sendable {
    @TaskLocal private static var innermost: OpenTransaction?

    private let file: ObjectIdentifier
    private let outer: OpenTransaction?
    private let isOpen = Atomic<Bool>(true)

    private init(_ file: DatabaseFile, in outer: OpenTransaction?) {
        self.file = ObjectIdentifier(file)
        self.outer = outer
    }

    /// Runs the body of a transaction that holds the file's writer.
    static func mark<Result>(_ file: DatabaseFile, _ body: () async throws -> Result) async throws -> Result {
        let transaction = OpenTransaction(file, in: innermost)
        // A task that outlives the body may write, as soon as the body has ended.
        defer { transaction.isOpen.store(false, ordering: .relaxed) }
        return try await $innermost.withValue(transaction, operation: body)
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/transactionConflict`` if the calling task runs in the body of
    ///   a transaction that holds the file's writer.
    static func refuseWaiting(for file: DatabaseFile, _ tenant: TenantID) throws(TenancyError) {
        var transaction = innermost
        while let next = transaction {
            if next.file == ObjectIdentifier(file), next.isOpen.load(ordering: .relaxed) {
                throw TenancyError(
                    .transactionConflict,
                    "A write inside a transaction, but not by it, would wait for the transaction for ever: an SQLite "
                        + "file has one writer.",
                    hint: "Make the write by the transaction's own handle, after it, or in a detached task that the "
                        + "transaction does not wait for.",
                    details: .init(tenant: tenant))
            }
            transaction = next.outer
        }
    }
}
