import Foundation
import Tenancy
import TenancyCore
import TenancyIO
import TenancyTesting
import TestServers
import Testing

@testable import TenancyRedis

private struct Note: Entity {
    var id: String
    var text: String

    static let schema = EntitySchema("notes", Note.init, .key("id", \.id), .field("text", \.text))
}

@Suite("Redis in trouble", .serialized, .requires(.application))
struct RedisResilienceTests {
    /// Gives the body a cache in a server of its own, and somebody who may disturb that.
    private func withOwnServer(
        _ change: (inout RedisConfiguration) -> Void = { _ in },
        _ body: (RedisCache, Administrator) async throws -> Void
    ) async throws {
        try await OwnServer.with(OwnServer()) { server in
            var configuration = server.configuration
            change(&configuration)
            let admin = try await server.administrator()
            try await withCache(configuration) { try await body($0, admin) }
            await admin.close()
        }
    }

    @Test("A slow server costs each call its deadline, and late replies go to nobody else")
    func slowServer() async throws {
        try await withOwnServer({ $0.commandTimeout = .milliseconds(300) }) { cache, admin in
            let tenant = try uniqueTenant()
            for number in 0..<50 { try await cache.store("value \(number)", "k\(number)", of: tenant) }
            let sleep = try admin.begin("DEBUG", "SLEEP", "3")
            try await Task.sleep(for: .milliseconds(100))
            let outcomes = await withTaskGroup(of: (time: Duration, error: TenancyError?).self) { group in
                for number in 0..<50 {
                    group.addTask { await timed { _ = try await cache.text("k\(number)", of: tenant) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes {
                #expect(outcome.error?.code == .timeout)
                #expect(outcome.error?.details.backendCode == "commandTimeout")
                #expect(outcome.error?.details.tenant == tenant)
                #expect(outcome.time >= .milliseconds(290) && outcome.time < .seconds(2), "\(outcome.time)")
            }
            let held = try await eventually { (try? await cache.text("k0", of: tenant)) == "value 0" }
            #expect(held)
            for number in 0..<50 {
                #expect(try await cache.text("k\(number)", of: tenant) == "value \(number)")
            }
            _ = sleep
        }
    }

    @Test("A server that says nothing for idleTimeout loses its connection, with an error of its own")
    func silentServer() async throws {
        try await OwnServer.with(OwnServer()) { server in
            var configuration = server.configuration
            configuration.commandTimeout = .seconds(20)
            configuration.idleTimeout = .milliseconds(400)
            try await withCache(configuration) { cache in
                let tenant = try uniqueTenant()
                let admin = try await server.administrator()
                _ = try admin.begin("DEBUG", "SLEEP", "4")
                try await Task.sleep(for: .milliseconds(100))
                let outcome = await timed { _ = try await cache.text("k", of: tenant) }
                #expect(outcome.error?.details.backendCode == "idleTimeout")
                #expect(outcome.time < .seconds(3), "\(outcome.time)")
                let offline = await timed { _ = try await cache.text("k", of: tenant) }
                #expect(offline.error?.code == .unavailable && offline.time < .seconds(1))
                let held = try await eventually { (try? await cache.store("x", "k", of: tenant)) == .done }
                #expect(held)
                await admin.close()
            }
        }
    }

    @Test("A host that never answers costs connectTimeout")
    func unreachable() async throws {
        // Listens and accepts nothing more than its backlog: a server that was stopped in its tracks.
        try await OwnServer.with(OwnServer()) { server in
            let admin = try await server.administrator()
            _ = try admin.begin("DEBUG", "SLEEP", "4")
            try await Task.sleep(for: .milliseconds(100))
            var configuration = server.configuration
            configuration.connectTimeout = .milliseconds(300)
            let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
            let outcome = await timed { try await cache.start() }
            #expect(outcome.error == nil)
            #expect(outcome.time >= .milliseconds(290) && outcome.time < .seconds(3), "\(outcome.time)")
            let health = await cache.health()
            #expect(health.error?.details.backendCode == "connectTimeout")
            // It answers after four seconds, and is used from then on.
            let held = try await eventually { await cache.health().isHealthy }
            #expect(held)
            await cache.shutDown()
            await admin.close()
        }
    }

    @Test("A server that isn't there at the start is told of, and used when it comes")
    func absentAtStart() async throws {
        let server = try OwnServer()
        try await withCache(server.configuration) { cache in
            let tenant = try uniqueTenant()
            let outcome = await timed { _ = try await cache.text("k", of: tenant) }
            #expect(outcome.error?.code == .unavailable)
            #expect(outcome.error?.hint.contains("port") == true)
            #expect(outcome.time < .seconds(1))
            let health = await cache.health()
            #expect(!health.isHealthy && health.error?.code == .unavailable)
            try await OwnServer.with(server) { _ in
                let held = try await eventually { (try? await cache.store("x", "k", of: tenant)) == .done }
                #expect(held)
                // Each reactor's connection comes back by itself.
                let isHealthy = try await eventually { await cache.health().isHealthy }
                #expect(isHealthy)
            }
        }
    }

    @Test("An SDK starts without its cache: reads go to the database, and it is told that the cache is away")
    func sdkWithoutCache() async throws {
        let server = try OwnServer()
        let database = InMemoryDatabase()
        let config = SDKConfig(
            database: DatabaseSource(name: "memory") { _ throws(TenancyError) in database }, entities: [Note.self],
            cache: .redis(server.configuration))
        let sdk = try await MultiTenantSDK(config: config)
        let id = try uniqueTenant()
        try await sdk.tenants.create(id, name: "without cache")
        let handle = try await sdk.tenant(id)
        #expect(try await handle.read(Note.self, "absent") == nil)
        let health = await sdk.health()
        #expect(health.database.isHealthy && health.cache?.isHealthy == false)
        let refused = await timed { _ = try await handle.create(Note(id: "a", text: "x")) }
        #expect(refused.error?.code == .cacheUnavailable)
        try await OwnServer.with(server) { _ in
            let held = try await eventually { (try? await handle.create(Note(id: "a", text: "x"))) != nil }
            #expect(held)
            #expect(try await handle.read(Note.self, "a")?.text == "x")
        }
        await sdk.shutDown()
    }

    @Test("Cancelled calls end at once, and their replies go to nobody else")
    func cancellation() async throws {
        try await withOwnServer { cache, admin in
            let tenant = try uniqueTenant()
            for number in 0..<20 { try await cache.store("value \(number)", "k\(number)", of: tenant) }
            _ = try admin.begin("DEBUG", "SLEEP", "3")
            try await Task.sleep(for: .milliseconds(100))
            let tasks = (0..<20).map { number in
                Task { try await cache.text("k\(number)", of: tenant) }
            }
            let patient = Task { try await cache.text("k7", of: tenant) }
            try await Task.sleep(for: .milliseconds(50))
            let cancelled = await timed {
                for task in tasks { task.cancel() }
                for task in tasks {
                    let result = await task.result
                    #expect(throws: TenancyError.self) { try result.get() }
                }
            }
            #expect(cancelled.time < .seconds(2), "\(cancelled.time)")
            #expect(try await patient.value == "value 7")
            for number in 0..<20 { #expect(try await cache.text("k\(number)", of: tenant) == "value \(number)") }
        }
    }

    @Test("256 tasks at once each get their own replies, while some are cancelled and connections are killed")
    func storm() async throws {
        let configuration = try testConfiguration()
        let admin = try await Administrator.ofServices()
        try await withCache(configuration) { cache in
            let succeeded = Locked(0)
            let failures = Locked([TenancyError.Code: Int]())
            let isOver = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<256 {
                    group.addTask {
                        let tenant = try uniqueTenant("s\(number % 7)")
                        for round in 0..<60 {
                            let text = "value \(number) \(round)"
                            let work = Task { () throws -> String? in
                                try await cache.store(text, "k", of: tenant)
                                return try await cache.text("k", of: tenant)
                            }
                            if round % 10 == number % 10 {
                                await Task.yield()
                                work.cancel()
                            }
                            switch await work.result {
                            case .success(let found):
                                #expect(found == text)
                                succeeded.withLock { $0 += 1 }
                            case .failure(let error):
                                let code = TenancyError.wrap(error).code
                                failures.withLock { $0[code, default: 0] += 1 }
                                if code == .unavailable { try await Task.sleep(for: .milliseconds(20)) }
                            }
                        }
                    }
                }
                group.addTask {
                    var killed = 0
                    while !isOver.withLock(\.self), killed < 12 {
                        killed += try await admin.kill(clientsNamed: configuration.clientName)
                        try await Task.sleep(for: .milliseconds(150))
                    }
                    #expect(killed > 0)
                }
                for _ in 0..<256 { try await group.next() }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            #expect(succeeded.withLock(\.self) > 1_000)
            let codes = Set(failures.withLock(\.self).keys)
            #expect(codes.isSubset(of: [.unavailable, .cancelled]), "\(codes)")
            let tenant = try uniqueTenant()
            let held = try await eventually { (try? await cache.store("again", "k", of: tenant)) == .done }
            #expect(held)
        }
        await admin.close()
    }

    @Test("Scripts that the server forgets are given again, and no counter counts twice")
    func forgottenScripts() async throws {
        // The shared server's scripts are left alone: other tests count on them.
        try await OwnServer.with(OwnServer()) { server in
            let admin = try await server.administrator()
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                let isOver = Locked(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<16 {
                        group.addTask {
                            for _ in 0..<200 {
                                let replies = try await cache.run(
                                    [
                                        .increment(CacheKey("a"), by: 1, timeToLive: nil), .get(CacheKey("a")),
                                        .increment(CacheKey("b"), by: 1, timeToLive: nil),
                                    ], for: tenant)
                                #expect(replies.count == 3)
                            }
                        }
                    }
                    group.addTask {
                        while !isOver.withLock(\.self) {
                            try await admin.send("SCRIPT", "FLUSH")
                            try await Task.sleep(for: .milliseconds(3))
                        }
                    }
                    for _ in 0..<16 { try await group.next() }
                    isOver.withLock { $0 = true }
                    try await group.waitForAll()
                }
                #expect(try await cache.text("a", of: tenant) == "3200")
                #expect(try await cache.text("b", of: tenant) == "3200")
                try await admin.send("SCRIPT", "FLUSH")
                #expect(try await cache.flush(tenant) == 2)
            }
            await admin.close()
        }
    }

    @Test("More calls than may wait fail at once")
    func bounded() async throws {
        try await withOwnServer({ $0.maximumWaitingCalls = 10 }) { cache, admin in
            let tenant = try uniqueTenant()
            _ = try admin.begin("DEBUG", "SLEEP", "3")
            try await Task.sleep(for: .milliseconds(100))
            let outcomes = await withTaskGroup(of: (time: Duration, error: TenancyError?).self) { group in
                for number in 0..<40 {
                    group.addTask { await timed { _ = try await cache.text("k\(number)", of: tenant) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let refused = outcomes.filter { $0.error?.details.backendCode == "maximumWaitingCalls" }
            // The check of who the server is may be one of those that wait, and is never refused itself.
            #expect((30...31).contains(refused.count), "\(refused.count)")
            #expect(outcomes.count { $0.error == nil } == 40 - refused.count)
            #expect(refused.allSatisfy { $0.time < .seconds(2) })
        }
    }

    @Test("A flush under load removes one tenant's values and no other's, at no moment")
    func flushUnderLoad() async throws {
        try await withCache(testConfiguration()) { cache in
            let base = uniqueName("f")
            let victim = try TenantID(base)
            let others = try ["a", "-a", "_", "0"].map { try TenantID(base + $0) }
            for number in 0..<1_500 { try await cache.store("x", "k\(number)", of: victim) }
            for other in others {
                for number in 0..<100 { try await cache.store(other.rawValue, "k\(number)", of: other) }
                try await cache.store(other.rawValue, "*", of: other)
            }
            let isOver = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for other in others {
                    group.addTask {
                        while !isOver.withLock(\.self) {
                            for number in 0..<100 {
                                let found = try await cache.text("k\(number)", of: other)
                                #expect(found == other.rawValue)
                            }
                        }
                    }
                }
                group.addTask {
                    let removed = try await cache.flush(victim)
                    #expect(removed == 1_500)
                    isOver.withLock { $0 = true }
                }
                try await group.waitForAll()
            }
            for other in others {
                #expect(try await cache.text("*", of: other) == other.rawValue)
                #expect(try await cache.flush(other) == 101)
            }
            for number in 0..<1_500 { #expect(try await cache.text("k\(number)", of: victim) == nil) }
        }
    }
}
