import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Repeated transactions")
struct TransactionRetryTests {
    private func tenant(_ database: any DatabaseAdapter = InMemoryDatabase()) async throws -> TenantHandle {
        try await MultiTenantSDK.make(database).newTenant()
    }

    @Test(
        "A transaction that lost is run again from the beginning, and nothing of the lost attempts stays",
        arguments: [TenancyError.Code.serializationFailure, .deadlock, .locked])
    func again(code: TenancyError.Code) async throws {
        let tenant = try await tenant()
        let attempts = Atomic(0)
        let result = try await tenant.transaction { transaction in
            let attempt = attempts.add(1, ordering: .relaxed).newValue
            try await transaction.create(Item(attempt))
            if attempt < 3 { throw TenancyError(code, "lost") }
            return attempt
        }
        #expect(result == 3)
        #expect(try await tenant.query(Item.self).all().map(\.id) == [3])
    }

    @Test("Attempts are bounded, and one is all if the caller wants so")
    func bounded() async throws {
        let tenant = try await tenant()
        for (retry, expected) in [(TransactionRetry.default, 3), (.never, 1), (.init(maximumAttempts: 5), 5)] {
            let attempts = Atomic(0)
            await expectError(.deadlock) {
                try await tenant.transaction(retry: retry) { _ in
                    attempts.add(1, ordering: .relaxed)
                    throw TenancyError(.deadlock, "lost")
                }
            }
            #expect(attempts.load(ordering: .relaxed) == expected)
        }
    }

    @Test("Other errors end a transaction at once, those of which a commit's outcome is unknown too")
    func final() async throws {
        let tenant = try await tenant()
        let errors: [any Error] = [
            TenancyError(.unavailable, ""), TenancyError(.timeout, ""), TenancyError(.uniqueViolation, ""),
            TenancyError(.staleVersion, ""), CancellationError(),
        ]
        for error in errors {
            let attempts = Atomic(0)
            await #expect(throws: (any Error).self) {
                try await tenant.transaction { _ in
                    attempts.add(1, ordering: .relaxed)
                    throw error
                }
            }
            #expect(attempts.load(ordering: .relaxed) == 1)
        }
    }

    @Test("A nested transaction is not repeated by itself, but with the whole")
    func nested() async throws {
        let tenant = try await tenant()
        let outer = Atomic(0)
        let inner = Atomic(0)
        try await tenant.transaction { transaction in
            outer.add(1, ordering: .relaxed)
            try await transaction.transaction { _ in
                if inner.add(1, ordering: .relaxed).newValue < 3 { throw TenancyError(.deadlock, "lost") }
            }
        }
        #expect(outer.load(ordering: .relaxed) == 3 && inner.load(ordering: .relaxed) == 3)
    }

    @Test("Attempts share the call's time, and a cancelled caller gets no more of them", .timeLimit(.minutes(1)))
    func bounds() async throws {
        let tenant = try await tenant()
        let retry = TransactionRetry(
            maximumAttempts: .max, firstPause: .milliseconds(5), maximumPause: .milliseconds(5))
        let lost: @Sendable (TenantHandle) async throws -> Void = { _ in throw TenancyError(.deadlock, "lost") }
        await #expect(throws: TenancyError.self) {
            try await tenant.with(timeout: .milliseconds(50)).transaction(retry: retry, lost)
        }
        let work = Task { try await tenant.transaction(retry: retry, lost) }
        try await Task.sleep(for: .milliseconds(20))
        work.cancel()
        await #expect(throws: TenancyError.self) { try await work.value }
    }

    @Test("A writer that waited in vain for another one tries again", .timeLimit(.minutes(1)))
    func locked() async throws {
        let tenant = try await tenant(InMemoryDatabase(maximumWait: .milliseconds(20)))
        let gate = Gate()
        gate.holdNext()
        let holder = Task {
            try await tenant.transaction(retry: .never) { transaction in
                try await transaction.create(Item(1))
                await gate.pass()
            }
        }
        await gate.reached()
        let attempts = Atomic(0)
        let waiter = Task {
            try await tenant.transaction(retry: TransactionRetry(maximumAttempts: 1_000)) { transaction in
                attempts.add(1, ordering: .relaxed)
                try await transaction.create(Item(2))
            }
        }
        await expectError(.locked) { try await tenant.transaction(retry: .never) { try await $0.create(Item(3)) } }
        gate.open()
        try await holder.value
        try await waiter.value
        #expect(try await tenant.query(Item.self).sorted(by: \.id).all().map(\.id) == [1, 2])
    }
}
