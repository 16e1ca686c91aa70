import Foundation
import TestServers
import Testing

@Suite("Redis", .requires(.redis))
struct RedisServiceTests {
    @Test("The application logs in by its ACL user, writes, and reads what it wrote")
    func roundTrip() async throws {
        let endpoint = try TestServer.redis.endpoint()
        let outcome = try await blocking {
            let connection = try RedisConnection(endpoint)
            let key = uniqueName("service-test")
            let written = try connection.send("SET", key, "grüße", "EX", "60")
            let read = try connection.send("GET", key)
            let removed = try connection.send("DEL", key)
            let user = try connection.send("ACL", "WHOAMI")
            return (written: written, read: read, removed: removed, user: user)
        }
        #expect(outcome.written == .text("OK"))
        #expect(outcome.read == .text("grüße"))
        #expect(outcome.removed == .integer(1))
        #expect(outcome.user == .text(endpoint.user))
    }

    @Test("The application's user may not do what empties or reconfigures the server")
    func accessControl() async throws {
        let endpoint = try TestServer.redis.endpoint()
        let refusals = try await blocking {
            let connection = try RedisConnection(endpoint)
            // None of these would do harm if it were allowed.
            return try [connection.send("CONFIG", "GET", "port"), connection.send("KEYS", "no-such-key")]
        }
        for refusal in refusals {
            #expect(refusal.error?.hasPrefix("NOPERM") == true)
        }
    }

    @Test("Nobody is let in without a password")
    func anonymous() async throws {
        let endpoint = try TestServer.redis.endpoint()
        let answer = try await blocking {
            let anonymous = try Endpoint("redis://\(endpoint.host):\(endpoint.port)")
            return try RedisConnection(anonymous).send("PING")
        }
        #expect(answer.error?.hasPrefix("NOAUTH") == true)
    }

    // The library on Debian has no TLS, so the command line client stands in for it.
    @Test("The TLS port's certificate stands up to a check, and takes a write", .requires(.redisTLS))
    func tls() async throws {
        let endpoint = try TestServer.redisTLS.endpoint()
        let authority = try TestServer(variable: "TENANCY_TEST_REDIS_TLS_CA_FILE", name: "redis").address()
        let answers = try await blocking {
            let key = uniqueName("service-test")
            return try [["SET", key, "over TLS"], ["GET", key], ["DEL", key]].map { command in
                try redisCLI(endpoint, authority: authority, command)
            }
        }
        #expect(answers == ["OK", "over TLS", "1"])
    }
}

private func redisCLI(_ endpoint: Endpoint, authority: String, _ command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
        ["redis-cli", "--tls", "--cacert", authority, "-h", endpoint.host, "-p", String(endpoint.port)]
        + ["--user", endpoint.user, "--no-auth-warning"] + command
    // A password among the arguments would be there for every user of the machine to see.
    process.environment = ProcessInfo.processInfo.environment.merging(["REDISCLI_AUTH": endpoint.password]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}
