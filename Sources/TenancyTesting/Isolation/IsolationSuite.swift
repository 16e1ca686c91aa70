public import Tenancy
import TenancyCore

/// Everything by which a tenant could reach another's data, tried against any database.
///
/// Tenants with the same keys and the same unique values call every operation of the SDK and of the bare adapter with
/// what belongs to the others. Each expectation that does not hold counts as a leak.
///
/// ```swift
/// let report = await IsolationSuite(name: "mydb") { .mydb(path: try freshPath()) }.run()
/// #expect(report.leaks == 0, "\(report)")
/// ```
public struct IsolationSuite: Sendable {
    private let conformance: DatabaseConformance

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
        conformance = DatabaseConformance(name: name, configure: configure, makeDatabase: makeDatabase)
    }

    /// All cases, group by group.
    public static let cases: [DatabaseConformance.Case] = {
        var list = CaseList()
        addReadCases(&list)
        addWriteCases(&list)
        addTransactionCases(&list)
        addAdapterCases(&list)
        addTenantCases(&list)
        addConcurrencyCases(&list)
        addWalkCases(&list)
        return list.cases
    }()

    /// Runs cases one after another.
    ///
    /// - Parameter stopsAtFirstLeak: Whether the cases after the first that fails are left out.
    public func run(
        _ cases: [DatabaseConformance.Case] = Self.cases, stopsAtFirstLeak: Bool = false
    ) async -> IsolationReport {
        IsolationReport(cases: await conformance.run(cases, stopsAtFirstFailure: stopsAtFirstLeak))
    }

    /// Runs one case and throws if it fails.
    ///
    /// - Parameter requiresSupport: Whether a case that the adapter's capabilities leave out counts as failed.
    /// - Throws: ``ConformanceFailure``.
    public func check(_ testCase: DatabaseConformance.Case, requiresSupport: Bool = false) async throws {
        try await conformance.check(testCase, requiresSupport: requiresSupport)
    }
}

/// What an ``IsolationSuite`` found.
public struct IsolationReport: Sendable, CustomStringConvertible {
    /// How each case ended.
    public let cases: ConformanceReport

    /// How many expectations did not hold.
    public var leaks: Int { cases.results.reduce(0) { $0 + $1.failures.count } }

    /// The number of leaks, and each of them.
    public var description: String { "\(leaks) leaks in \(cases)" }
}

/// Tenants with the same keys and unique values, each of whose records says whose it is.
struct Twins: Sendable {
    let t: DatabaseCaseContext
    let handles: [TenantHandle]
    static let count = 6

    var a: TenantHandle { handles[0] }
    var b: TenantHandle { handles[1] }

    /// Makes the tenants and what they have.
    init(_ t: DatabaseCaseContext, _ names: [String] = ["a", "b"]) async throws {
        self.t = t
        var handles: [TenantHandle] = []
        for (number, name) in names.enumerated() {
            let handle = try await t.tenant(name)
            let options = BulkOptions(atomicity: .batch)
            let result = try await handle.bulkCreate(Self.items(number), options: options)
            t.expectEqual(result.failures.count, 0, "\(name)'s items collide with another's")
            try await handle.bulkCreate(
                (0..<Self.count).map { Point(id: Int64($0), a: Int64(number)) }, options: options)
            if t.adapter.capabilities.searches {
                try await handle.bulkCreate(
                    (0..<Self.count).map { Article(id: Int64($0), title: "shared", body: "owner\(number)") },
                    options: options)
            }
            handles.append(handle)
        }
        self.handles = handles
    }

    /// The items of a tenant, by its number. The last is one that only it has.
    static func items(_ owner: Int) -> [Item] {
        (0..<count).map { number in
            Item(
                id: number == count - 1 ? "only\(owner)" : "i\(number)", kind: "owner\(owner)",
                quantity: Int64(owner * 1_000 + number), code: "code\(number)", shelf: 1, slot: Int64(number),
                version: 1)
        }
    }

    /// Expects that a tenant has what it was given, no more and no less.
    func expectIntact(_ owner: Int, _ what: String, file: StaticString = #fileID, line: Int = #line) async throws {
        let handle = handles[owner]
        t.expectSame(
            try await handle.query(Item.self).sorted(by: \.quantity).all(), Self.items(owner),
            "\(what): items of \(owner)",
            file: file, line: line)
        for item in Self.items(owner) {
            t.expectSame(
                try await handle.read(Item.self, item.id), item, "\(what): item of \(owner) by key", file: file,
                line: line)
        }
        t.expectEqual(
            try await handle.query(Point.self).all().map(\.a), Array(repeating: Int64(owner), count: Self.count),
            "\(what): points of \(owner)", file: file, line: line)
        if t.adapter.capabilities.searches {
            let hits = try await handle.search(Article.self, "shared", limit: 100)
            t.expectEqual(
                hits.map(\.element.body), Array(repeating: "owner\(owner)", count: Self.count),
                "\(what): articles of \(owner)",
                file: file, line: line)
        }
    }

    /// Expects that records are one tenant's.
    func expectOwned(
        _ items: [Item], by owner: Int, _ what: String, file: StaticString = #fileID, line: Int = #line
    ) {
        let kinds = Set(items.map(\.kind)).subtracting(["owner\(owner)"])
        t.expect(kinds.isEmpty, "\(what): tenant \(owner) got records of \(kinds.sorted())", file: file, line: line)
    }
}
