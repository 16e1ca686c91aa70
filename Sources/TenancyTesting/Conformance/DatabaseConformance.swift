public import Tenancy
import TenancyCore

/// Everything that Tenancy expects of a database, as named cases that any ``TenancyCore/DatabaseAdapter`` can be run
/// against.
///
/// With Swift Testing each case becomes a test of its own. They are run one after another, because some measure time:
///
/// ```swift
/// let conformance = DatabaseConformance(name: "mydb") { .mydb(path: try freshPath()) }
///
/// @Test(.serialized, arguments: DatabaseConformance.cases)
/// func conforms(_ testCase: DatabaseConformance.Case) async throws {
///     try await conformance.check(testCase, requiresSupport: true)
/// }
/// ```
///
/// A case that needs what the adapter declares not to have is not run, and reported as unsupported; that a call throws
/// then is a case of its own.
/// Each case makes tenants of its own, so the factory may hand out one database again and again, if it is dropped at
/// some time.
public struct DatabaseConformance: Sendable {
    /// One expectation.
    public struct Case: Sendable, Identifiable, CustomStringConvertible {
        /// What the expectation is about.
        public let group: String
        /// The expectation in words.
        public let name: String
        let needs: [Need]
        let body: @Sendable (DatabaseCaseContext) async throws -> Void

        /// Group and name.
        public var id: String { description }
        /// Group and name.
        public var description: String { "\(group): \(name)" }
    }

    /// What a case can't be run without.
    struct Need: Sendable {
        let name: String
        let isMet: @Sendable (DatabaseCapabilities) -> Bool

        static let search = Need(name: "search", isMet: \.searches)
        static let transactions = Need(name: "transactions", isMet: \.hasTransactions)
        static let savepoints = Need(name: "savepoints", isMet: \.hasSavepoints)
        static let microseconds = Need(name: "microseconds", isMet: \.storesMicroseconds)
        static let ignoringCase = Need(name: "ignoring case", isMet: \.ignoresCase)
    }

    /// What is examined, for reports.
    public let name: String
    /// How long a case may take before it counts as failed. Default 60 seconds.
    public var timeLimit: Duration = .seconds(60)
    private let configure: @Sendable (inout SDKConfig) -> Void
    private let makeDatabase: @Sendable () async throws -> DatabaseSource

    /// A suite for a database.
    ///
    /// - Parameters:
    ///   - name: What is examined, for reports.
    ///   - configure: Changes the configuration of the SDK that the cases use, for instance by a cache.
    ///   - makeDatabase: Makes a database, fresh and empty, for one case.
    public init(
        name: String, configure: @escaping @Sendable (inout SDKConfig) -> Void = { _ in },
        makeDatabase: @escaping @Sendable () async throws -> DatabaseSource
    ) {
        self.name = name
        self.configure = configure
        self.makeDatabase = makeDatabase
    }

    /// All cases, group by group.
    public static let cases: [Case] = {
        var list = CaseList()
        for add in groups { add(&list) }
        return list.cases
    }()

    /// Runs cases one after another.
    ///
    /// - Parameter stopsAtFirstFailure: Whether the cases after the first that fails are left out.
    public func run(
        _ cases: [Case] = Self.cases, stopsAtFirstFailure: Bool = false
    ) async -> ConformanceReport {
        await runner.run(cases, stopsAtFirstFailure: stopsAtFirstFailure) { await run($0) }
    }

    /// Runs one case and throws if it fails.
    ///
    /// - Parameter requiresSupport: Whether a case that the adapter's capabilities leave out counts as failed, for an
    ///   adapter that has them all.
    /// - Throws: ``ConformanceFailure``.
    public func check(_ testCase: Case, requiresSupport: Bool = false) async throws {
        try await run(testCase).requireSuccess(requiresSupport: requiresSupport)
    }

    /// Runs one case.
    public func run(_ testCase: Case) async -> ConformanceResult {
        await runner.run(testCase.group, testCase.name) { log in
            let context = try await DatabaseCaseContext(try await makeDatabase(), log: log, configure)
            return CaseRunner.Stage(
                missingCapability: testCase.needs.first { !$0.isMet(context.adapter.capabilities) }?.name,
                body: { try await testCase.body(context) }, close: { await context.close() })
        }
    }

    private var runner: CaseRunner { CaseRunner(subject: name, kind: "database", timeLimit: timeLimit) }
}
