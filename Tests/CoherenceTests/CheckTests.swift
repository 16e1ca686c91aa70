import Coherence
import Foundation
import TestServers
import Testing

extension TestServer {
    fileprivate static let postgres = TestServer(variable: "TENANCY_TEST_POSTGRES_URL", name: "postgres")
    fileprivate static let admin = TestServer(variable: "TENANCY_TEST_POSTGRES_ADMIN_URL", name: "postgres")
}

/// Short runs of `scripts/check-coherence`; it runs until each disturbance has happened, however slow the machine is.
@Suite("The coherence of processes that share servers", .serialized, .requires(.postgres), .requires(.admin))
struct CheckTests {
    private func check(isFenced: Bool, operations: Int) async throws -> Check.Outcome {
        let bundle = Bundle.allBundles.first { $0.bundleURL.pathExtension == "xctest" }
        let directory = bundle?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
        var options = CheckOptions(
            database: try TestServer.postgres.address(), databaseAdmin: try TestServer.admin.address(),
            program: directory.appending(path: "check-coherence"))
        options.operations = operations
        options.pause = .milliseconds(400)
        options.isFenced = isFenced
        return try await Check(options).run()
    }

    @Test(
        "No read returns what was overwritten before it began, while processes die and servers fail",
        .timeLimit(.minutes(3)))
    func fenced() async throws {
        let outcome = try await check(isFenced: true, operations: 6_000)
        let verdict = outcome.verdict
        #expect(verdict.stale == 0 && verdict.foreign == 0 && verdict.beyondBound == 0, "\(verdict.examples)")
        #expect(verdict.isClean && verdict.operations >= 6_000)
        #expect(verdict.strongReads > 1_000 && verdict.relaxedReads > 500 && verdict.writes > 20)
        #expect(verdict.cacheHits > 300 && verdict.localHits > 100)
        #expect(outcome.writersKilled > 0 && outcome.processesKilled > 0)
        #expect(outcome.redisRestarts > 0 && outcome.cuts > 1)
    }

    @Test("The same run finds a cache without fences", .timeLimit(.minutes(3)))
    func unfenced() async throws {
        // Seldom more than once.
        for _ in 0..<5 {
            let verdict = try await check(isFenced: false, operations: 20_000).verdict
            if verdict.stale > 0 {
                #expect(!verdict.isClean && !verdict.examples.isEmpty)
                return
            }
        }
        Issue.record("nothing was found")
    }
}
