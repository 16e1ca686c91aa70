import Tenancy
import TenancyCore
import TenancyTesting
import Testing

/// One after another, because some cases measure time, and hundreds of databases at once leave none.
@Suite("Conformance", .serialized)
enum ConformanceTests {}

extension ConformanceTests {
    @Suite("The database in memory conforms", .serialized)
    struct InMemoryConformanceTests {
        static let conformance = DatabaseConformance(name: "memory") { .inMemory() }
        static let cached = DatabaseConformance(name: "memory, cached", configure: { $0.cache = .memory() }) {
            .inMemory()
        }
        static let isolation = IsolationSuite(name: "memory") { .inMemory() }
        static let isolationCached = IsolationSuite(name: "memory, cached", configure: { $0.cache = .memory() }) {
            .inMemory()
        }

        @Test(arguments: DatabaseConformance.cases)
        func conforms(_ testCase: DatabaseConformance.Case) async throws {
            try await Self.conformance.check(testCase, requiresSupport: true)
        }

        @Test(arguments: DatabaseConformance.cases)
        func conformsBehindACache(_ testCase: DatabaseConformance.Case) async throws {
            try await Self.cached.check(testCase, requiresSupport: true)
        }

        @Test(arguments: IsolationSuite.cases)
        func isolates(_ testCase: DatabaseConformance.Case) async throws {
            try await Self.isolation.check(testCase, requiresSupport: true)
        }

        @Test(arguments: IsolationSuite.cases)
        func isolatesBehindACache(_ testCase: DatabaseConformance.Case) async throws {
            try await Self.isolationCached.check(testCase, requiresSupport: true)
        }

        @Test("there are at least 150 cases, each of another name")
        func count() {
            #expect(DatabaseConformance.cases.count >= 150)
            #expect(Set(DatabaseConformance.cases.map(\.id)).count == DatabaseConformance.cases.count)
            #expect(IsolationSuite.cases.count >= 40)
            #expect(Set(IsolationSuite.cases.map(\.id)).count == IsolationSuite.cases.count)
        }
    }
}

extension ConformanceTests {
    @Suite("The suites find what is wrong", .serialized)
    struct ConformanceMutationTests {
        @Test("the isolation suite finds every defect of isolation", arguments: InMemoryDatabase.Defect.isolation)
        func isolation(_ defect: InMemoryDatabase.Defect) async {
            let suite = IsolationSuite(name: "defect \(defect.rawValue)") {
                .inMemory(InMemoryDatabase(defects: defect))
            }
            let report = await suite.run(stopsAtFirstLeak: true)
            #expect(report.leaks > 0)
        }

        @Test("the conformance suite finds every other defect", arguments: InMemoryDatabase.Defect.behaviour)
        func behaviour(_ defect: InMemoryDatabase.Defect) async {
            let suite = DatabaseConformance(name: "defect \(defect.rawValue)") {
                .inMemory(InMemoryDatabase(defects: defect))
            }
            let report = await suite.run(stopsAtFirstFailure: true)
            #expect(!report.hasPassed)
        }

        @Test("a database that can do less is asked for less, and passes")
        func lesser() async throws {
            var capabilities = DatabaseCapabilities()
            capabilities.searches = false
            capabilities.hasSavepoints = false
            capabilities.storesMicroseconds = false
            let lesser = capabilities
            let suite = DatabaseConformance(name: "lesser") { .inMemory(InMemoryDatabase(capabilities: lesser)) }
            let groups = ["types", "bulk", "transactions", "search", "adapter", "records"]
            let report = await suite.run(DatabaseConformance.cases.filter { groups.contains($0.group) })
            #expect(report.hasPassed, "\(report)")
            #expect(report.unsupported.count >= 25)
            #expect(!report.isComplete)
            #expect("\(report)".contains("\(report.unsupported.count) unsupported"))
            #expect(report.unsupported.allSatisfy { !$0.hasPassed })
            let missed = try #require(
                DatabaseConformance.cases.first {
                    [$0.group, $0.name] == report.unsupported.first.map { [$0.group, $0.name] }
                })
            try await suite.check(missed)
            await #expect(throws: ConformanceFailure.self) { try await suite.check(missed, requiresSupport: true) }
        }

        @Test("a report shows counts and every failure")
        func report() async {
            let suite = DatabaseConformance(name: "broken") { .inMemory(InMemoryDatabase(defects: .ignoresUnique)) }
            let report = await suite.run(DatabaseConformance.cases.filter { $0.group == "unique" })
            #expect(!report.failed.isEmpty)
            #expect("\(report)".contains("broken: "))
            for result in report.failed { #expect("\(report)".contains("FAILED unique: \(result.name)")) }
        }

        @Test("a case that hangs fails, and the next one runs")
        func hanging() async {
            var suite = DatabaseConformance(name: "hanging") {
                try await Task.sleep(for: .seconds(3_600))
                return .inMemory()
            }
            suite.timeLimit = .milliseconds(200)
            let report = await suite.run(Array(DatabaseConformance.cases.prefix(2)))
            #expect(report.failed.count == 2)
        }
    }
}

extension ConformanceTests {
    @Suite("The cache in memory conforms")
    struct MemoryCacheConformanceTests {
        static let conformance = CacheConformance(name: "memory") {
            let clock = ManualClock()
            return CacheConformance.Subject(try MemoryCache(maximumBytes: 64 << 20, clock: clock)) {
                clock.advance(by: $0)
            }
        }

        @Test(arguments: CacheConformance.cases)
        func conforms(_ testCase: CacheConformance.Case) async throws { try await Self.conformance.check(testCase) }

        @Test("there are at least 30 cases, each of another name")
        func count() {
            #expect(CacheConformance.cases.count >= 30)
            #expect(Set(CacheConformance.cases.map(\.id)).count == CacheConformance.cases.count)
        }
    }
}
