import CLibpq
import Foundation
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: links", .serialized)
struct LinkTests {
    @Test("A link is logged in, not blocking, and known to the server by its settings", .requires(.application))
    func opens() async throws {
        let name = uniqueName("link")
        let configuration = try PostgresConfiguration.test {
            $0.applicationName = name
            $0.keepalives.idle = .seconds(17)
            $0.keepalives.count = 5
            $0.statementTimeout = .milliseconds(4_321)
        }
        try await withReactor { reactor in
            let link = try await LinkFactory(configuration).open(.tenants, on: reactor)
            #expect(PQisnonblocking(link.handle) == 1)
            #expect(PQpipelineStatus(link.handle) == PQ_PIPELINE_OFF)
            #expect(link.serverVersion >= 130_000)
            #expect(link.isInHotStandby != true)
            #expect(option(link.socket, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 17)
            #expect(option(link.socket, Int32(IPPROTO_TCP), TCP_KEEPCNT) == 5)
            let query = "SELECT pid FROM pg_stat_activity WHERE application_name = '\(name)'"
            #expect(try await administrator(query) == [["\(link.processID)"]])
            let session = try await LinkSession(link)
            #expect(try await session.run("SHOW statement_timeout") == [["4321ms"]])
            #expect(try await session.run("SELECT $1::text, NULL", ["a'b"]) == [["a'b", nil]])
            await link.closed()
            await link.closed()
            #expect(link.isClosed)
            #expect(try await eventually { try await administrator(query).isEmpty })
        }
    }

    @Test("Each mode of TLS does what it says", .requires(.application))
    func tls() async throws {
        let authority = try #require(TestServer.environment("TENANCY_TEST_TLS_CA_FILE"))
        let foreign = FileManager.default.temporaryDirectory.appending(path: uniqueName("empty") + ".crt").path
        try foreignCertificate.write(toFile: foreign, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: foreign) }
        func isEncrypted(_ tls: PostgresConfiguration.TLS, host: String = "127.0.0.1") async throws -> String? {
            let configuration = try PostgresConfiguration.test {
                $0.tls = tls
                $0.hosts = [.init(host, port: $0.hosts[0].port)]
            }
            return try await withReactor { reactor in
                let link = try await LinkFactory(configuration).open(.tenants, on: reactor)
                let session = try await LinkSession(link)
                defer { link.close() }
                return try await session.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").first?.first
                    ?? nil
            }
        }
        #expect(try await isEncrypted(.disable) == "f")
        #expect(try await isEncrypted(.prefer) == "t")
        #expect(try await isEncrypted(.require) == "t")
        #expect(try await isEncrypted(.verifyAuthority(authorityFile: authority)) == "t")
        #expect(try await isEncrypted(.verifyFull(authorityFile: authority)) == "t")
        #expect(try await isEncrypted(.verifyFull(authorityFile: authority), host: "localhost") == "t")
        for tls in [
            PostgresConfiguration.TLS.verifyFull(authorityFile: foreign),
            .verifyAuthority(authorityFile: foreign), .verifyFull(authorityFile: "/nowhere/hunter2.crt"),
        ] {
            let error = await failureOf { try await isEncrypted(tls) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.hint.contains("TLS") == true)
            #expect(!"\(String(describing: error))".contains("hunter2"))
        }
        // Another name of this machine, which the certificate does not have.
        let error = await failureOf { try await isEncrypted(.verifyFull(authorityFile: authority), host: "127.0.0.2") }
        #expect(error?.code == .unavailable || error?.code == .invalidConfiguration)
    }

    @Test("Each reason for a failure is told apart, with what to do, and without names or passwords", .requires(.admin))
    func failures() async throws {
        let role = uniqueName("hunter2")
        _ = try await blocking {
            try TestConnection(.admin).execute("CREATE ROLE \(role) LOGIN CONNECTION LIMIT 0 PASSWORD 'hunter2'")
        }
        let wrongs: [(PostgresConfiguration, TenancyError.Code, String)] = [
            (try .test { $0.password = Secret("hunter2") }, .invalidConfiguration, "28P01"),
            (try .test { $0.user = "hunter2" }, .invalidConfiguration, "28P01"),
            (try .test { $0.database = "hunter2" }, .invalidConfiguration, "3D000"),
            (try .test { ($0.user, $0.password) = (role, Secret("hunter2")) }, .unavailable, "53300"),
            (try .test { $0.hosts[0].port = 1 }, .unavailable, "errno \(ECONNREFUSED)"),
            (try .test { $0.hosts[0].name = "hunter2.invalid" }, .unavailable, "getaddrinfo"),
            (try .test { $0.hosts[0].name = "/tmp/hunter2" }, .unavailable, "errno \(ENOENT)"),
        ]
        var errors: [TenancyError?] = []
        for (configuration, code, backend) in wrongs {
            let error = await failureOf {
                try await withReactor { try await LinkFactory(configuration).open(.tenants, on: $0) }
            }
            #expect(error?.code == code, "\(String(describing: error))")
            #expect(error?.details.backendCode?.hasPrefix(backend) == true, "\(String(describing: error))")
            #expect(!"\(String(describing: error))".contains("hunter2"))
            errors.append(error)
        }
        #expect(Set(errors.compactMap { $0?.message }).count == wrongs.count - 1)
        #expect(Set(errors.compactMap { $0?.hint }).count == wrongs.count - 1)
        _ = try await blocking { try TestConnection(.admin).execute("DROP ROLE \(role)") }
    }

    @Test("What PgBouncer refuses is told apart too", .requires(.pooler))
    func poolerFailures() async throws {
        func code(_ change: (inout PostgresConfiguration) -> Void) async throws -> TenancyError? {
            let configuration = try PostgresConfiguration.test(.pooler) {
                $0.pooling = .transaction
                change(&$0)
            }
            return await failureOf {
                try await withReactor { reactor in
                    try await LinkFactory(configuration).open(.tenants, on: reactor).close()
                }
            }
        }
        #expect(try await code { _ in } == nil)
        #expect(try await code { $0.password = Secret("hunter2") }?.details.backendCode == "28P01")
        #expect(try await code { $0.user = "hunter2" }?.details.backendCode == "28P01")
    }

    @Test(
        "SQLSTATEs are found in libpq's texts of any language, and nothing else is kept of them",
        arguments: [
            (
                "connection to server at \"hunter2\", port 5432 failed: FATAL:  28P01: hunter2\nLOCATION:  a, b.c:1",
                "28P01"
            ),
            ("first: FATAL:  28000: hunter2\nconnection failed: FATALERO:  53300: troppi hunter2", "53300"),
            ("FATAL:  08P01: database \"hunter2\" does not exist", "3D000"),
            ("FATAL:  08P01: no more connections allowed (max_client_conn) hunter2", "53300"),
            ("FATAL:  08P01: unsupported startup parameter: hunter2", "08P01"),
            ("FATAL:  08P01: pgbouncer cannot connect to server hunter2", "08P01"),
            ("connection to server at \"hunter2:28P01\" failed: HELLO: WORLD", nil),
        ])
    func states(_ message: String, _ state: String?) {
        let error = TenancyError(connecting: message)
        #expect(error.details.backendCode == state)
        #expect(!"\(error)".contains("hunter2"))
    }

    @Test("A server that is starting up says so", .enabled(if: OwnServer.binaries != nil))
    func startingUp() async throws {
        // A standby that must not be read from remains in that state.
        let server = try await blocking { try OwnServer(options: ["hot_standby=off"], isStandby: true) }
        let configuration = PostgresConfiguration(
            host: "127.0.0.1", port: server.port, database: "postgres", user: "tenancy_admin")
        try await withReactor { reactor in
            let factory = LinkFactory(configuration)
            let isSeen = await eventually {
                await failureOf { try await factory.open(.tenants, on: reactor) }?.details.backendCode == "57P03"
            }
            #expect(isSeen)
            let error = await failureOf { try await factory.open(.tenants, on: reactor) }
            #expect(error?.code == .unavailable && error?.isRetryable == true)
        }
    }

    @Test("A socket's directory is a host", .enabled(if: OwnServer.binaries != nil))
    func directory() async throws {
        let server = try await blocking { try OwnServer() }
        let configuration = PostgresConfiguration(
            host: server.folder, port: server.port, database: "postgres", user: "tenancy_admin")
        try await withReactor { reactor in
            let factory = LinkFactory(configuration)
            let isOpen = await eventually { await failureOf { try await factory.open(.tenants, on: reactor) } == nil }
            #expect(isOpen)
        }
    }

    @Test(
        "Of several hosts the one that takes writes is found behind silent, absent and lagging ones",
        .requires(.replica))
    func severalHosts() async throws {
        let silent = try SilentServer()
        let replica = try PostgresConfiguration.test(.replica).hosts[0]
        let configuration = try PostgresConfiguration.test {
            $0.hosts =
                [.init("127.0.0.1", port: silent.port), .init("127.0.0.1", port: 1), .init("nowhere.invalid"), replica]
                + $0.hosts
            $0.connectTimeout = .seconds(8)
        }
        try await withReactor { reactor in
            let link = try await LinkFactory(configuration).open(.tenants, on: reactor)
            #expect(link.host == configuration.hosts.last)
            #expect(link.isInHotStandby != true)
            link.close()
        }
        var onlyReplicas = configuration
        onlyReplicas.hosts = [.init("127.0.0.1", port: 1), replica, replica]
        let error = await failureOf {
            try await withReactor { try await LinkFactory(onlyReplicas).open(.tenants, on: $0) }
        }
        #expect(error?.code == .unavailable && error?.message == "The host takes no writes.")
    }

    @Test("A primary is no replica, and a replica no primary", .requires(.replica))
    func roles() async throws {
        let primary = try PostgresConfiguration.test()
        let replica = try PostgresConfiguration.test(.replica)
        try await withReactor { reactor in
            let error = await failureOf { try await LinkFactory(replica).open(.tenants, on: reactor) }
            #expect(error?.code == .readOnly)
            let purpose = ConnectionParameters.Purpose.replica(PostgresReplica(primary.hosts[0]))
            let other = await failureOf { try await LinkFactory(primary).open(purpose, on: reactor) }
            #expect(other?.code == .invalidConfiguration)
            let right = ConnectionParameters.Purpose.replica(PostgresReplica(replica.hosts[0]))
            let link = try await LinkFactory(primary).open(right, on: reactor)
            #expect(link.isInHotStandby == true)
            link.close()
        }
    }

    @Test("A server that says nothing costs no more than the time allowed, and no descriptor")
    func silence() async throws {
        let silent = try SilentServer()
        var configuration = PostgresConfiguration(host: "127.0.0.1", port: silent.port, database: "d", user: "u")
        configuration.connectTimeout = .milliseconds(200)
        try await withReactor { reactor in
            let factory = LinkFactory(configuration)
            let before = openDescriptors()
            let begin = ContinuousClock.now
            let error = await failureOf { try await factory.open(.tenants, on: reactor) }
            #expect(error?.code == .timeout)
            #expect(begin.duration(to: .now) < .seconds(2))
            let early = await failureOf {
                try await factory.open(.tenants, on: reactor, until: .now.advanced(by: .milliseconds(20)))
            }
            #expect(early?.code == .timeout)
            #expect(await eventually { openDescriptors() <= before })
        }
    }

    @Test(
        "A task that is cancelled while it connects returns at once and leaves nothing behind", .requires(.application))
    func cancelled() async throws {
        let silent = try SilentServer()
        let name = uniqueName("link_cancelled")
        let real = try PostgresConfiguration.test { $0.applicationName = name }
        var mute = real
        mute.hosts = [.init("127.0.0.1", port: silent.port)]
        mute.connectTimeout = .seconds(60)
        let factories = [LinkFactory(real), LinkFactory(mute)]
        try await withReactor { reactor in
            let before = openDescriptors()
            let opened = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<60 {
                    let delay = Duration.microseconds(Int.random(in: 0..<20_000))
                    group.addTask {
                        let task = Task {
                            do {
                                try await factories[index % 2].open(.tenants, on: reactor).close()
                                return true
                            } catch {
                                let code = (error as? TenancyError)?.code
                                if code != .cancelled { throw error }
                                return false
                            }
                        }
                        try await Task.sleep(for: delay)
                        task.cancel()
                        let begin = ContinuousClock.now
                        let isOpened = try await task.value
                        #expect(begin.duration(to: .now) < .seconds(5))
                        return isOpened
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(opened <= 30)
            #expect(await eventually { openDescriptors() <= before })
            let query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(name)'"
            #expect(try await eventually { try await administrator(query) == [["0"]] })
        }
    }

    @Test("A link whose reactor stops while it connects fails", .requires(.application))
    func stopped() async throws {
        let silent = try SilentServer()
        let configuration = PostgresConfiguration(host: "127.0.0.1", port: silent.port, database: "d", user: "u")
        let reactor = try Reactor(name: "link-stop")
        let task = Task { await failureOf { try await LinkFactory(configuration).open(.tenants, on: reactor) } }
        try await Task.sleep(for: .milliseconds(50))
        await reactor.stop()
        #expect(await task.value != nil)
        let late = await failureOf { try await LinkFactory(configuration).open(.tenants, on: reactor) }
        #expect(late?.code == .shutDown)
    }

    @Test("A statement is stopped on the server, and the link is good for another", .requires(.application))
    func cancellation() async throws {
        let silent = try SilentServer()
        let configuration = try PostgresConfiguration.test()
        try await withReactor { reactor in
            let cancellation = Cancellation()
            let link = try await LinkFactory(configuration).open(.tenants, on: reactor)
            let session = try await LinkSession(link)
            async let sleeping = failureOf { try await session.run("SELECT pg_sleep(30)") }
            let query = "SELECT wait_event FROM pg_stat_activity WHERE pid = \(link.processID)"
            #expect(try await eventually { try await administrator(query) == [["PgSleep"]] })
            let begin = ContinuousClock.now
            // Who asks is cancelled as a rule.
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await cancellation.cancel(link, until: .now.advanced(by: .seconds(5)))
            }
            #expect(await task.value == .sent)
            #expect(await sleeping?.details.backendCode == "57014")
            #expect(begin.duration(to: .now) < .seconds(5))
            #expect(try await session.run("SELECT 1") == [["1"]])
            let late = await cancellation.cancel(link, until: .now)
            #expect(late == .notSent)
            link.close()
        }
        withExtendedLifetime(silent) {}
    }

    @Test("A link whose process is ended fails what runs on it", .requires(.application))
    func killed() async throws {
        let configuration = try PostgresConfiguration.test()
        try await withReactor { reactor in
            let link = try await LinkFactory(configuration).open(.tenants, on: reactor)
            let session = try await LinkSession(link)
            async let sleeping = failureOf { try await session.run("SELECT pg_sleep(30)") }
            let query = "SELECT wait_event FROM pg_stat_activity WHERE pid = \(link.processID)"
            #expect(try await eventually { try await administrator(query) == [["PgSleep"]] })
            _ = try await administrator("SELECT pg_terminate_backend(\(link.processID))")
            #expect(await sleeping?.code == .unavailable)
            #expect(await eventually { link.isClosed })
            #expect(await failureOf { try await session.run("SELECT 1") }?.code == .unavailable)
        }
    }

    @Test("A pool of links replaces what is dead or in the middle of a transaction", .requires(.application))
    func pooled() async throws {
        let reactors = try ReactorGroup(name: "link-pool", count: 2)
        let source = LinkSource(factory: LinkFactory(try .test()), purpose: .tenants, reactors: reactors)
        var limits = PoolConfiguration()
        limits.maximumSize = 1
        let pool = ConnectionPool(
            name: "links", configuration: limits, factory: source, clock: ContinuousClock(),
            ceiling: ConnectionCeiling(maximum: 1))
        var processes: [Int32] = []
        for statement in ["SELECT 1", "BEGIN", "SELECT 1"] {
            try await pool.withConnection { link in
                processes.append(link.processID)
                let result = await withUnsafeContinuation { continuation in
                    link.reactor.execute {
                        let result = PQexec(link.handle, statement)
                        continuation.resume(
                            returning: PQresultStatus(result) == PGRES_COMMAND_OK
                                || PQresultStatus(result) == PGRES_TUPLES_OK)
                        PQclear(result)
                    }
                }
                #expect(result)
            }
        }
        #expect(processes[0] == processes[1])
        #expect(processes[1] != processes[2])
        await pool.shutDown(deadline: .now.advanced(by: .seconds(5)))
        await reactors.stop()
    }

    private func option(_ socket: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, level, name, &value, &length)
        return value
    }
}

/// The certificate of an authority that has signed nothing here.
private let foreignCertificate = """
    -----BEGIN CERTIFICATE-----
    MIIBejCCAR+gAwIBAgIUVWQvPNkRjnVa/jBdZUcNKr45Y7QwCgYIKoZIzj0EAwIw
    ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMTA4NTAyNloYDzIxMjYxMDI4MDg1
    MDI2WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
    AAT5+fmEXGYGn9+J08ZHnnBIlHVzuS/Y4RverMAtdcwh9mNKgWhycZPVjcxql0Fp
    a7vjemYdV5trTLBXOrucqdfxo1MwUTAdBgNVHQ4EFgQUYNp1zn1gyPjDTtX8PEk8
    t8IAA5QwHwYDVR0jBBgwFoAUYNp1zn1gyPjDTtX8PEk8t8IAA5QwDwYDVR0TAQH/
    BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA4GqlU0iVn1f3wXVRd/cGWRhkOx5w
    P8774aJDlCxwtgACIQDK46su3nXc+5PHUcGPYGwHZGNJ2gmDAjsD9HsHCfemCQ==
    -----END CERTIFICATE-----
    """
