import Foundation
import Synchronization
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: notifications", .serialized)
struct NotificationTests {
    private let a = tenant("a")
    private let b = tenant("b")

    /// Sends payloads, one transaction for each.
    private func send(_ payloads: [String], to channel: PostgresChannel) async throws {
        try await blocking {
            let connection = try TestConnection(.application)
            for payload in payloads { try connection.run(try channel.notification(payload)) }
        }
    }

    private func make(_ name: String = uniqueName("notify"), bufferSize: Int = 256) throws -> PostgresNotifications {
        try PostgresNotifications(
            .test { $0.applicationName = name }, bufferSize: bufferSize,
            backoff: Backoff(minimum: .milliseconds(10), maximum: .milliseconds(50)))
    }

    private func connections(_ name: String) async throws -> [String] {
        try await administrator("SELECT pid FROM pg_stat_activity WHERE application_name = '\(name)'").map { $0[0] }
    }

    @Test("What is sent after listening began comes in order, once", .requires(.application))
    func order() async throws {
        let notifications = try make()
        let channel = try PostgresChannel(shared: uniqueName("a \"quoted\"; name"))
        let first = try await notifications.listen(to: channel)
        let second = try await notifications.listen(to: channel)
        let sent = (0..<100).map { "payload \($0) 'é\"" }
        try await send(sent, to: channel)
        for sequence in [first, second] {
            var iterator = sequence.makeAsyncIterator()
            for payload in sent { #expect(await iterator.next() == .payload(payload)) }
        }
        await notifications.shutDown()
        var iterator = first.makeAsyncIterator()
        #expect(await iterator.next() == nil)
        #expect(await failureOf { try await notifications.listen(to: channel) }?.code == .shutDown)
    }

    @Test("What a transaction sends comes when it commits, and not when it rolls back", .requires(.application))
    func transactions() async throws {
        let notifications = try make()
        let channel = try PostgresChannel(uniqueName("c"), of: a)
        var iterator = try await notifications.listen(to: channel).makeAsyncIterator()
        try await blocking {
            let connection = try TestConnection(.application)
            try connection.execute("BEGIN")
            try connection.run(try channel.notification("undone"))
            try connection.execute("ROLLBACK")
            _ = try connection.transaction { try connection.run(try channel.notification("done")) }
        }
        #expect(await iterator.next() == .payload("done"))
        await notifications.shutDown()
    }

    @Test("Tenants' channels of one name are apart, and apart from a shared one", .requires(.application))
    func tenants() async throws {
        let notifications = try make()
        let name = uniqueName("c")
        let channels = [
            try PostgresChannel(name, of: a), try PostgresChannel(name, of: b), try PostgresChannel(shared: name),
        ]
        var iterators: [PostgresNotificationSequence.AsyncIterator] = []
        for channel in channels { iterators.append(try await notifications.listen(to: channel).makeAsyncIterator()) }
        try await send(["b forged", "\u{301}1"], to: channels[0])
        try await send(["2"], to: channels[1])
        try await send(["a 3"], to: channels[2])
        // What somebody else sends by hand, without a tenant or with half of one.
        _ = try await blocking {
            let connection = try TestConnection(.application)
            for payload in ["", "a", "ab 1", "_system 1"] {
                try connection.execute("SELECT pg_notify('tenant: \(name)', '\(payload)')")
            }
        }
        try await send(["end"], to: channels[0])
        try await send(["end"], to: channels[1])
        try await send(["end"], to: channels[2])
        let expected = [["b forged", "\u{301}1", "end"], ["2", "end"], ["a 3", "end"]]
        for position in channels.indices {
            for payload in expected[position] { #expect(await iterators[position].next() == .payload(payload)) }
        }
        await notifications.shutDown()
    }

    @Test("After a lost connection comes a gap, and then what is sent", .requires(.application))
    func reconnects() async throws {
        let name = uniqueName("notify")
        let notifications = try make(name)
        let channel = try PostgresChannel(uniqueName("c"), of: a)
        var iterator = try await notifications.listen(to: channel).makeAsyncIterator()
        for round in 0..<5 {
            try await send(["before \(round)"], to: channel)
            #expect(await iterator.next() == .payload("before \(round)"))
            let process = try #require(try await connections(name).first)
            _ = try await administrator("SELECT pg_terminate_backend(\(process))")
            #expect(await iterator.next() == .gap)
            try await send(["after \(round)"], to: channel)
            #expect(await iterator.next() == .payload("after \(round)"))
            #expect(try await eventually { try await connections(name).count == 1 })
        }
        await notifications.shutDown()
    }

    @Test(
        "A listener that is too slow finds a gap where something is missing, and costs no memory",
        .requires(.application))
    func overflow() async throws {
        let notifications = try make(bufferSize: 10)
        let channel = try PostgresChannel(uniqueName("c"), of: a)
        let slow = try await notifications.listen(to: channel)
        // What comes through another channel afterwards proves that everything before has come.
        let other = try PostgresChannel(uniqueName("other"), of: a)
        var end = try await notifications.listen(to: other).makeAsyncIterator()
        try await send((0..<50).map { "\($0)" }, to: channel)
        try await send(["end"], to: other)
        #expect(await end.next() == .payload("end"))
        var iterator = slow.makeAsyncIterator()
        for index in 0..<10 { #expect(await iterator.next() == .payload("\(index)")) }
        #expect(await iterator.next() == .gap)
        try await send(["new"], to: channel)
        #expect(await iterator.next() == .payload("new"))
        await notifications.shutDown()
    }

    @Test("The connection is closed after the last listener and made again for the next", .requires(.application))
    func lifetime() async throws {
        let name = uniqueName("notify")
        let notifications = try make(name)
        let channel = try PostgresChannel(uniqueName("c"), of: a)
        #expect(try await connections(name).isEmpty)
        for _ in 0..<3 {
            var sequence: PostgresNotificationSequence? = try await notifications.listen(to: channel)
            let task = Task { [sequence] in
                for await _ in try #require(sequence) {}
            }
            #expect(try await connections(name).count == 1)
            sequence = nil
            let begin = ContinuousClock.now
            task.cancel()
            try await task.value
            #expect(begin.duration(to: .now) < .seconds(10))
            #expect(try await eventually { try await connections(name).isEmpty })
        }
    }

    @Test(
        "Listeners that come and go at random while connections are ended lose nothing unnoticed",
        .requires(.application))
    func chaos() async throws {
        let name = uniqueName("notify")
        let notifications = try make(name)
        let channel = try PostgresChannel(uniqueName("c"), of: a)
        let steady = try await notifications.listen(to: channel)
        let heard = Task { () -> (payloads: [Int], gaps: [Int]) in
            var (payloads, gaps): ([Int], [Int]) = ([], [])
            for await event in steady {
                switch event {
                case .gap: gaps.append(payloads.count)
                case .payload("end"): return (payloads, gaps)
                case .payload(let payload): payloads.append(Int(payload) ?? -1)
                }
            }
            return (payloads, gaps)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10 {
                        let task = Task {
                            for await _ in try await notifications.listen(to: channel) { break }
                        }
                        try await Task.sleep(for: .microseconds(Int.random(in: 0..<10_000)))
                        task.cancel()
                        do { try await task.value } catch {
                            let code = (error as? TenancyError)?.code
                            #expect(code == .cancelled || code == .unavailable, "\(error)")
                        }
                    }
                }
            }
            group.addTask {
                for _ in 0..<5 {
                    for process in try await connections(name) {
                        _ = try await administrator("SELECT pg_terminate_backend(\(process))")
                    }
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            group.addTask { try await send((0..<300).map { "\($0)" }, to: channel) }
            try await group.waitForAll()
        }
        #expect(try await eventually { try await connections(name).count == 1 })
        // Whoever is in the middle of connecting again has begun by then.
        let fresh = try await notifications.listen(to: channel)
        try await send(["end"], to: channel)
        let (payloads, gaps) = await heard.value
        #expect(payloads == payloads.sorted() && Set(payloads).count == payloads.count)
        for (position, payload) in payloads.enumerated() {
            let previous = position == 0 ? -1 : payloads[position - 1]
            #expect(payload == previous + 1 || gaps.contains(position), "a loss without a gap before \(payload)")
        }
        withExtendedLifetime(fresh) {}
        await notifications.shutDown()
    }

    @Test(
        "A server that is not there is told to who begins, and waited for by who has begun",
        .enabled(if: OwnServer.binaries != nil))
    func restart() async throws {
        let server = try await blocking { try OwnServer() }
        var configuration = PostgresConfiguration(
            host: "127.0.0.1", port: server.port, database: "postgres", user: "tenancy_admin")
        configuration.connectTimeout = .seconds(2)
        let notifications = try PostgresNotifications(
            configuration, bufferSize: 8, backoff: Backoff(minimum: .milliseconds(20), maximum: .milliseconds(50)))
        let channel = try PostgresChannel("c", of: a)
        var made: PostgresNotificationSequence?
        _ = await eventually {
            made = try? await notifications.listen(to: channel)
            return made != nil
        }
        var iterator = try #require(made).makeAsyncIterator()
        try await blocking { try server.stop() }
        #expect(await failureOf { try await notifications.listen(to: channel) }?.code == .unavailable)
        #expect(await eventually { notifications.lastError != nil })
        try await blocking { try server.start() }
        #expect(await iterator.next() == .gap)
        #expect(await eventually { notifications.lastError == nil })
        await notifications.shutDown()
    }

    @Test("Names and payloads that the server would cut or refuse are refused before")
    func limits() throws {
        for name in ["", String(repeating: "x", count: 56), "a\0b", String(repeating: "é", count: 28)] {
            #expect(throws: TenancyError.self) { try PostgresChannel(name, of: a) }
            #expect(throws: TenancyError.self) { try PostgresChannel(shared: name) }
        }
        let channel = try PostgresChannel(String(repeating: "x", count: 55), of: a)
        #expect(channel.wireName.utf8.count == 63)
        #expect(channel.maximumPayloadBytes == 7_997)
        _ = try channel.message(String(repeating: "x", count: 7_997))
        for payload in [String(repeating: "x", count: 7_998), "secret\0"] {
            let error = #expect(throws: TenancyError.self) { try channel.message(payload) }
            #expect(!"\(String(describing: error))".contains("secret"))
        }
        var pooled = PostgresConfiguration(host: "h", database: "d", user: "u")
        pooled.pooling = .transaction
        #expect(throws: TenancyError.self) { try PostgresNotifications(pooled) }
    }

    @Test("The longest name and payload arrive whole", .requires(.application))
    func longest() async throws {
        let notifications = try make()
        let channel = try PostgresChannel(String(repeating: "\"", count: 55), of: a)
        var iterator = try await notifications.listen(to: channel).makeAsyncIterator()
        let payload = String(repeating: "x", count: channel.maximumPayloadBytes)
        try await send([payload], to: channel)
        #expect(await iterator.next() == .payload(payload))
        await notifications.shutDown()
    }
}
