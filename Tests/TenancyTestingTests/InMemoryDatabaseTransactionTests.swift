import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@Suite("Transactions in memory")
struct InMemoryDatabaseTransactionTests {
    private typealias Fixture = DatabaseFixture
    private struct Stop: Error {}

    @Test("What a transaction does is seen by itself at once, by others after its end, and by nobody if it fails")
    func visibility() async throws {
        let fixture = try await Fixture()
        try await fixture.database.withTransaction(.init(), in: fixture.a) { transaction in
            try await fixture.insert(Fixture.row(1), on: transaction, in: fixture.a)
            #expect(try await fixture.keys(on: transaction, in: fixture.a) == [1])
            #expect(try await fixture.keys(in: fixture.a).isEmpty)
        }
        #expect(try await fixture.keys(in: fixture.a) == [1])
        await #expect(throws: Stop.self) {
            try await fixture.database.withTransaction(.init(), in: fixture.a) { transaction in
                try await fixture.insert(Fixture.row(2), on: transaction, in: fixture.a)
                throw Stop()
            }
        }
        #expect(try await fixture.keys(in: fixture.a) == [1])
    }

    @Test("A statement that fails leaves its transaction usable")
    func failedStatement() async throws {
        let fixture = try await Fixture()
        try await fixture.database.withTransaction(.init(), in: fixture.a) { transaction in
            try await fixture.insert(Fixture.row(1), on: transaction, in: fixture.a)
            let failure = await code {
                try await fixture.insert(Fixture.row(2), Fixture.row(1), on: transaction, in: fixture.a)
            }
            #expect(failure == .uniqueViolation)
            try await fixture.insert(Fixture.row(3), on: transaction, in: fixture.a)
        }
        #expect(try await fixture.keys(in: fixture.a) == [1, 3])
    }

    @Test("A nested transaction that fails undoes itself only")
    func nested() async throws {
        let fixture = try await Fixture()
        let inner = Mutex<(any StatementRunner)?>(nil)
        try await fixture.database.withTransaction(.init(), in: fixture.a) { outer in
            try await fixture.insert(Fixture.row(1), on: outer, in: fixture.a)
            await #expect(throws: Stop.self) {
                try await outer.withTransaction(.init(), in: fixture.a) { nested in
                    inner.withLock { $0 = nested }
                    try await fixture.insert(Fixture.row(2), on: nested, in: fixture.a)
                    try await nested.withTransaction(.init(), in: fixture.a) { deepest in
                        _ = try await fixture.insert(Fixture.row(3), on: deepest, in: fixture.a)
                    }
                    #expect(try await fixture.keys(on: outer, in: fixture.a) == [1, 2, 3])
                    throw Stop()
                }
            }
            #expect(try await fixture.keys(on: outer, in: fixture.a) == [1])
            let nested = inner.withLock { $0 }
            #expect(await code { _ = try await fixture.keys(on: nested, in: fixture.a) } == .transactionClosed)
            try await outer.withTransaction(.init(), in: fixture.a) { nested in
                _ = try await fixture.insert(Fixture.row(4), on: nested, in: fixture.a)
            }
        }
        #expect(try await fixture.keys(in: fixture.a) == [1, 4])
    }

    @Test("A transaction can't be used after its end, for another tenant, or to write if it is read-only")
    func refusals() async throws {
        let fixture = try await Fixture()
        let (a, b) = (fixture.a, fixture.b)
        let statement = try fixture.builder.select(Query())
        let (kept, stream) = try await fixture.database.withTransaction(.init(), in: a) { transaction in
            try await fixture.insert(Fixture.row(1), on: transaction, in: a)
            #expect(await code { _ = try await fixture.keys(on: transaction, in: b) } == .tenantMismatch)
            #expect(await code { try await fixture.insert(Fixture.row(1), on: transaction, in: b) } == .tenantMismatch)
            #expect(await code { try await transaction.withTransaction(.init(), in: b) { _ in } } == .tenantMismatch)
            return (transaction, try await transaction.stream(statement, batchSize: 1, in: a))
        }
        #expect(await code { _ = try await fixture.keys(on: kept, in: a) } == .transactionClosed)
        #expect(await code { try await fixture.insert(Fixture.row(2), on: kept, in: a) } == .transactionClosed)
        #expect(await code { for try await _ in stream {} } == .transactionClosed)
        try await fixture.database.withTransaction(.init(isReadOnly: true), in: a) { transaction in
            #expect(await code { try await fixture.insert(Fixture.row(2), on: transaction, in: a) } == .readOnly)
            try await transaction.withTransaction(.init(), in: a) { nested in
                #expect(await code { try await fixture.insert(Fixture.row(2), on: nested, in: a) } == .readOnly)
            }
        }
    }

    @Test("Counting up in many transactions at once loses nothing")
    func serializable() async throws {
        // Beside many other tests on a small machine, the last of fifty in a row waits long.
        let fixture = try await Fixture(maximumWait: .seconds(300))
        try await fixture.insert(Fixture.row(1, ["size": 0]), in: fixture.a)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await fixture.database.withTransaction(.init(), in: fixture.a) { transaction in
                        var row = try await fixture.rows(on: transaction, in: fixture.a)[0]
                        await Task.yield()
                        guard case .int64(let size) = row[2], case .int64(let version) = row[6] else { return }
                        row[2] = .int64(size + 1)
                        row[6] = .int64(version + 1)
                        let update = fixture.builder.write(.update(try Fixture.batch([row])))
                        _ = try await transaction.write(update, in: fixture.a)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await fixture.rows(in: fixture.a)[0][2] == 50)
    }

    @Test("Who waits for a transaction is stopped by deadline, by cancellation, or by the longest wait")
    func waiting() async throws {
        let fixture = try await Fixture(maximumWait: .milliseconds(100))
        let a = fixture.a
        try await fixture.database.withTransaction(.init(), in: a) { _ in
            #expect(await code { try await fixture.insert(Fixture.row(1), in: a) } == .locked)
            var short = a
            short.deadline = .now + .milliseconds(20)
            #expect(await code { try await fixture.insert(Fixture.row(1), in: short) } == .timeout)
            let task = Task { await code { try await fixture.insert(Fixture.row(1), in: a) } }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            #expect(await task.value == .cancelled)
            #expect(try await fixture.keys(in: a).isEmpty)
        }
        try await fixture.insert(Fixture.row(1), in: a)
    }

    @Test("A transaction that is cancelled or late is rolled back, even if its body does not notice")
    func lateCommit() async throws {
        let fixture = try await Fixture()
        var short = fixture.a
        short.deadline = .now + .milliseconds(30)
        let context = short
        let late = await code {
            try await fixture.database.withTransaction(.init(), in: context) { transaction in
                try await fixture.insert(Fixture.row(1), on: transaction, in: fixture.a)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        #expect(late == .timeout)
        let task = Task {
            await code {
                try await fixture.database.withTransaction(.init(), in: fixture.a) { transaction in
                    try await fixture.insert(Fixture.row(1), on: transaction, in: fixture.a)
                    try? await Task.sleep(for: .seconds(60))
                }
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(try await fixture.keys(in: fixture.a).isEmpty)
        try await fixture.insert(Fixture.row(1), in: fixture.a)
    }

    @Test("Calls with a passed deadline or in a cancelled task do nothing")
    func deadCalls() async throws {
        let fixture = try await Fixture()
        var late = fixture.a
        late.deadline = .now - .seconds(1)
        let context = late
        #expect(await code { _ = try await fixture.keys(in: context) } == .timeout)
        #expect(await code { try await fixture.insert(Fixture.row(1), in: context) } == .timeout)
        #expect(await code { try await fixture.database.removeAllData(in: context) } == .timeout)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await code { try await fixture.insert(Fixture.row(1), in: fixture.a) }
        }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(try await fixture.keys(in: fixture.a).isEmpty)
    }

    @Test("Shutdown refuses new calls at once, lets a transaction end, and ends it at the deadline")
    func shutDown() async throws {
        let fixture = try await Fixture()
        let (database, a) = (fixture.database, fixture.a)
        let began = Mutex(false)
        let slow = Task {
            await code {
                try await database.withTransaction(.init(), in: a) { transaction in
                    began.withLock { $0 = true }
                    try await Task.sleep(for: .milliseconds(100))
                    try await fixture.insert(Fixture.row(1), on: transaction, in: a)
                }
            }
        }
        while !began.withLock({ $0 }) { await Task.yield() }
        async let closing: Void = database.shutDown(deadline: .now + .seconds(10))
        try await Task.sleep(for: .milliseconds(20))
        #expect(await code { _ = try await fixture.keys(in: a) } == .shutDown)
        #expect(await slow.value == nil)
        await closing
        #expect(await !database.health().isHealthy)

        let other = try await Fixture()
        let stuck = Task {
            await code {
                try await other.database.withTransaction(.init(), in: a) { transaction in
                    try await Task.sleep(for: .milliseconds(200))
                    try await other.insert(Fixture.row(1), on: transaction, in: a)
                }
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        await other.database.shutDown(deadline: .now + .milliseconds(20))
        #expect(await stuck.value == .shutDown)
    }
}
