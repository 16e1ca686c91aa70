public import TenancyCore

/// Everything that Tenancy expects of a cache, as named cases that any ``TenancyCore/CacheAdapter`` can be run against.
///
/// ```swift
/// let conformance = CacheConformance(name: "mycache") { .init(try MyCache(url: url)) }
///
/// @Test(arguments: CacheConformance.cases)
/// func conforms(_ testCase: CacheConformance.Case) async throws { try await conformance.check(testCase) }
/// ```
///
/// Each case uses tenants of its own, so the cache need not be empty.
public struct CacheConformance: Sendable {
    /// One expectation.
    public struct Case: Sendable, Identifiable, CustomStringConvertible {
        /// What the expectation is about.
        public let group: String
        /// The expectation in words.
        public let name: String
        let body: @Sendable (CacheCaseContext) async throws -> Void

        /// Group and name.
        public var id: String { description }
        /// Group and name.
        public var description: String { "\(group): \(name)" }
    }

    /// A cache to examine.
    public struct Subject: Sendable {
        let cache: any CacheAdapter
        let advance: (@Sendable (Duration) async -> Void)?

        /// A cache to examine, which is not started.
        ///
        /// - Parameters:
        ///   - cache: The cache.
        ///   - advance: Lets time pass for the cache, such as `ManualClock.advance(by:)`; without it, cases about life
        ///     times wait.
        public init(_ cache: any CacheAdapter, advance: (@Sendable (Duration) async -> Void)? = nil) {
            self.cache = cache
            self.advance = advance
        }
    }

    /// What is examined, for reports.
    public let name: String
    /// How long a case may take before it counts as failed. Default 30 seconds.
    public var timeLimit: Duration = .seconds(30)
    private let makeCache: @Sendable () async throws -> Subject

    /// A suite for a cache.
    ///
    /// - Parameters:
    ///   - name: What is examined, for reports.
    ///   - makeCache: Makes a cache for one case.
    public init(name: String, makeCache: @escaping @Sendable () async throws -> Subject) {
        self.name = name
        self.makeCache = makeCache
    }

    /// All cases, group by group.
    public static let cases: [Case] = {
        var list = CacheCaseList()
        addValueCases(&list)
        addLeaseCases(&list)
        addBlockCases(&list)
        addTenantCases(&list)
        addScanCases(&list)
        addLockCases(&list)
        return list.cases
    }()

    /// Runs cases one after another.
    public func run(_ cases: [Case] = Self.cases) async -> ConformanceReport {
        await runner.run(cases) { await run($0) }
    }

    /// Runs one case and throws if it fails.
    ///
    /// - Throws: ``ConformanceFailure``.
    public func check(_ testCase: Case) async throws {
        try await run(testCase).requireSuccess()
    }

    /// Runs one case.
    public func run(_ testCase: Case) async -> ConformanceResult {
        await runner.run(testCase.group, testCase.name) { log in
            let context = try CacheCaseContext(try await makeCache(), log: log)
            try await context.cache.start()
            return CaseRunner.Stage(
                body: { try await testCase.body(context) }, close: { await context.cache.shutDown() })
        }
    }

    private var runner: CaseRunner { CaseRunner(subject: name, kind: "cache", timeLimit: timeLimit) }
}
