import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// How a test changes a record that a slow reader has loaded before.
enum Change: String, CaseIterable, CustomTestStringConvertible {
    case update, updateByFilter, deleteByFilter, bulkOverThreshold, transaction, transactionByFilter
    case nestedTransaction, otherSDK

    var testDescription: String { rawValue }

    func make(_ stage: Stage) async throws {
        let tenant = stage.tenant
        switch self {
        case .update: try await tenant.update(Item(1, 2))
        case .updateByFilter: try await tenant.query(Item.self).update(.set(\.amount, to: 2))
        case .deleteByFilter:
            try await tenant.query(Item.self).delete()
            try await tenant.create(Item(1, 2))
        case .bulkOverThreshold:
            try await tenant.bulkUpsert((1...100).map { Item($0, 2) }, options: BulkOptions(atomicity: .batch))
        case .transaction: try await tenant.transaction { try await $0.update(Item(1, 2)) }
        case .transactionByFilter:
            try await tenant.transaction { try await $0.query(Item.self).update(.set(\.amount, to: 2)) }
        case .nestedTransaction:
            try await tenant.transaction { tx in try await tx.transaction { try await $0.update(Item(1, 2)) } }
        case .otherSDK:
            let other = try await MultiTenantSDK.make(stage.database, stage.cache).tenant("UA")
            try await other.update(Item(1, 2))
        }
    }
}

@Suite("A slow reader and a writer")
struct CacheInterleavingTests {
    @Test("What was loaded before a write is not stored after it", arguments: Change.allCases)
    func staleFill(change: Change) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.cache.beforeFill.holdNext()
        async let slow = stage.tenant.read(Item.self, 1)
        await stage.cache.beforeFill.reached()
        try await change.make(stage)
        stage.cache.beforeFill.open()
        // It began before the write was acknowledged, so either answer is right.
        #expect(try await slow?.amount == 1)
        for _ in 0..<3 { #expect(try await stage.tenant.read(Item.self, 1)?.amount == 2) }
    }

    @Test(
        "A value of an older generation is not replaced by what was loaded before a write", arguments: Change.allCases)
    func staleRefill(change: Change) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 0))
        _ = try await stage.tenant.read(Item.self, 1)
        try await stage.tenant.query(Item.self).update(.set(\.amount, to: 1))
        stage.database.afterRead.holdNext()
        async let slow = stage.tenant.read(Item.self, 1)
        await stage.database.afterRead.reached()
        try await change.make(stage)
        stage.database.afterRead.open()
        #expect(try await slow?.amount == 1)
        for _ in 0..<3 { #expect(try await stage.tenant.read(Item.self, 1)?.amount == 2) }
    }

    @Test("What is read between a block and the commit is not stored", arguments: [true, false])
    func betweenBlockAndCommit(byFilter: Bool) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeWrite.holdNext()
        let writer = Task {
            if byFilter {
                try await stage.tenant.query(Item.self).update(.set(\.amount, to: 2))
            } else {
                try await stage.tenant.update(Item(1, 2))
            }
        }
        await stage.database.beforeWrite.reached()
        for _ in 0..<3 {
            #expect(try await stage.readsOfItem(1) == 1)
        }
        stage.database.beforeWrite.open()
        _ = try await writer.value
        #expect(try await stage.tenant.read(Item.self, 1)?.amount == 2)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 0)
    }

    @Test("What is read between a transaction's block and its commit is not stored")
    func betweenBlockAndCommitOfTransaction() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        stage.database.beforeCommit.holdNext()
        let writer = Task { try await stage.tenant.transaction { try await $0.update(Item(1, 2)) } }
        await stage.database.beforeCommit.reached()
        #expect(try await stage.readsOfItem(1) == 1)
        stage.database.beforeCommit.open()
        _ = try await writer.value
        #expect(try await stage.tenant.read(Item.self, 1)?.amount == 2)
    }

    @Test("A writer that dies after its commit leaves a block that ends by itself", arguments: [true, false])
    func deadWriter(byFilter: Bool) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        stage.cache.set(.losesUnblocks)
        if byFilter {
            try await stage.tenant.query(Item.self).update(.set(\.amount, to: 2))
        } else {
            try await stage.tenant.update(Item(1, 2))
        }
        stage.cache.set(.none)
        for _ in 0..<3 {
            #expect(try await stage.readsOfItem(2) == 1)
        }
        stage.clock.advance(by: .seconds(31))
        _ = try await stage.tenant.read(Item.self, 1)
        #expect(try await stage.readsOfItem(2) == 0)
    }

    @Test(
        "A write whose outcome nobody knows stays blocked until it must be over",
        arguments: [TenancyError.Code.timeout, .cancelled, .unavailable, .backendFailure, .shutDown, .corrupted])
    func lostAnswer(code: TenancyError.Code) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        for (inTransaction, amount) in [(false, 2), (true, 3)] {
            stage.database.loseAnswer(code)
            await expectError(code) {
                if inTransaction {
                    try await stage.tenant.transaction { try await $0.update(Item(1, amount)) }
                } else {
                    try await stage.tenant.update(Item(1, amount))
                }
            }
            #expect(try await stage.readsOfItem(amount) == 1)
            #expect(try await stage.readsOfItem(amount) == 1)
        }
        stage.clock.advance(by: .seconds(40))
        _ = try await stage.readsOfItem(3)
        #expect(try await stage.readsOfItem(3) == 0)
    }

    @Test("A reader that fails gives its lease back, and the next one fills")
    func failedReader() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeRead.holdNext()
        let reader = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        reader.cancel()
        stage.database.beforeRead.open()
        await expectError(.cancelled) { _ = try await reader.value }
        _ = try await stage.tenant.read(Item.self, 1)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 0)
    }

    @Test("Readers during a write by filter leave no leases behind")
    func leasesUnderBlockedGeneration() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeWrite.holdNext()
        let writer = Task { try await stage.tenant.query(Item.self).update(.set(\.amount, to: 2)) }
        await stage.database.beforeWrite.reached()
        _ = try await stage.tenant.read(Item.self, 1)
        stage.database.beforeWrite.open()
        _ = try await writer.value
        _ = try await stage.tenant.read(Item.self, 1)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 0)
    }

    @Test("A task that outlives a transaction's closure can't write between the block and the commit")
    func strayTask() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate([Item(1, 1), Item(2, 1)])
        _ = try await stage.tenant.read(Item.self, ids: [1, 2])
        stage.cache.afterBlock.holdNext()
        let escaped = Escaped()
        let writer = Task {
            try await stage.tenant.transaction { tx in
                await escaped.keep(tx)
                try await tx.update(Item(1, 2))
            }
        }
        await stage.cache.afterBlock.reached()
        await expectError(.transactionClosed) { try await escaped.handle?.update(Item(2, 2)) }
        stage.cache.afterBlock.open()
        try await writer.value
        #expect(try await stage.tenant.read(Item.self, ids: [1, 2]).map(\.amount) == [2, 1])
    }

    @Test("A write must be committed before its block can end, however slow the cache's answer is")
    func commitDeadline() async throws {
        let stage = try await Stage { $0.caching.blockTime = .seconds(10) }
        try await stage.tenant.create(Item(1, 1))
        stage.cache.afterBlock.holdNext()
        let writer = Task { try await stage.tenant.update(Item(1, 2)) }
        await stage.cache.afterBlock.reached()
        let blocked = ContinuousClock.now
        try await Task.sleep(for: .milliseconds(50))
        stage.cache.afterBlock.open()
        _ = try await writer.value
        let last = stage.database.lastDeadline.withLock { $0 }
        let deadline = try #require(last)
        #expect(deadline <= blocked.advanced(by: .seconds(8)))
    }

    @Test("A transaction's block lasts longer than the transaction may take to commit")
    func transactionBlock() async throws {
        let stage = try await Stage { $0.caching.blockTime = .seconds(10) }
        try await stage.tenant.create(Item(1, 1))
        stage.cache.commands.withLock { $0 = [] }
        try await stage.tenant.with(timeout: .seconds(100)).transaction { try await $0.update(Item(1, 2)) }
        let life = stage.cache.commands.withLock { commands in
            commands.compactMap { if case .block(_, _, let life) = $0 { life } else { nil } }.first
        }
        #expect(try #require(life) > .seconds(110))
    }

    private actor Escaped {
        var handle: TenantHandle?
        func keep(_ handle: TenantHandle) { self.handle = handle }
    }
}
