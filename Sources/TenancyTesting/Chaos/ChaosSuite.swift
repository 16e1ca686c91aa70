import Foundation
public import Tenancy
public import TenancyCore

/// Many tenants at work at once while calls are cancelled, deadlines pass and the database is disturbed, each answer
/// compared with what a model of the tenant's data allows.
///
/// Each tenant's operations follow each other, so that its model knows what must be there; the tenants run side by side
/// over the adapter's few connections. It finds: rows of another tenant, acknowledged writes that are lost, writes that
/// are half done, transactions that are torn, calls that outlast their deadline, calls that fail for no reason, and
/// connections that are not given back.
///
/// ```swift
/// let report = try await ChaosSuite(database: .mydb(url: url)).run { round in try await killConnections() }
/// #expect(report.violations.isEmpty, "\(report)")
/// ```
public struct ChaosSuite: Sendable {
    /// How much is done, and how rough it gets.
    public struct Options: Sendable {
        /// The tenants that work at once. Default 50.
        public var tenants = 50
        /// The operations of all tenants together. Default 5,000.
        public var operations = 5_000
        /// Of 1,000 operations, how many are cancelled in between. Default 50.
        public var cancellations = 50
        /// Of 1,000 operations, how many get a deadline of a few milliseconds. Default 50.
        public var deadlines = 50
        /// How often the database is disturbed. Default every 250 ms.
        public var disturbanceInterval: Duration = .milliseconds(250)
        /// How long after its deadline or cancellation a call may end. Default 3 seconds.
        public var grace: Duration = .seconds(3)
        /// How long after a call has failed without an answer its write may still take effect. Default 5 seconds.
        public var settlingTime: Duration = .seconds(5)
        /// From which the random choices follow; those of timing do not.
        public var seed: UInt64 = 1

        /// The defaults.
        public init() {}
    }

    private let database: DatabaseSource
    private let options: Options
    private let configure: @Sendable (inout SDKConfig) -> Void

    /// A run on a database, which must be fresh and empty.
    ///
    /// - Parameter configure: Changes the configuration of the SDK, for instance by a cache.
    public init(
        database: DatabaseSource, options: Options = Options(),
        configure: @escaping @Sendable (inout SDKConfig) -> Void = { _ in }
    ) {
        self.database = database
        self.options = options
        self.configure = configure
    }

    /// Runs all operations, then lets the database rest and compares everything once more.
    ///
    /// - Parameters:
    ///   - progress: Called about once a second with the number of operations that have ended.
    ///   - disturb: Harms the database or its connections, again and again; gets the number of the disturbance. None,
    ///     and every failure that is not asked for is a violation.
    /// - Throws: ``TenancyError`` if the SDK can't be started or the tenants can't be created, or what `disturb` threw.
    public func run(
        progress: (@Sendable (Int) -> Void)? = nil, disturb: (@Sendable (Int) async throws -> Void)? = nil
    ) async throws -> ChaosReport {
        var config = SDKConfig(database: database, entities: [ChaosCell.self])
        config.logger = SDKConfig.quietLogger
        configure(&config)
        let sdk = try await MultiTenantSDK(config: config)
        do {
            var report = try await run(on: sdk, progress, disturb)
            report.shutdown = await ContinuousClock().measure { await sdk.shutDown() }
            if report.shutdown > options.grace {
                report.violations.append("The shutdown lasted \(report.shutdown): a connection was not given back.")
            }
            return report
        } catch {
            await sdk.shutDown()
            throw error
        }
    }

    private func run(
        on sdk: MultiTenantSDK, _ progress: (@Sendable (Int) -> Void)?,
        _ disturb: (@Sendable (Int) async throws -> Void)?
    ) async throws -> ChaosReport {
        let journal = ChaosJournal()
        var workers: [ChaosWorker] = []
        for number in 0..<max(1, options.tenants) {
            let id = try TenantID("chaos-\(number)")
            try await sdk.tenants.create(id, name: "\(id)")
            workers.append(
                ChaosWorker(
                    handle: try await sdk.tenant(id), number: number, options: options, journal: journal,
                    isDisturbed: disturb != nil))
        }
        let begun = ContinuousClock.now
        let disturbing = disturb.map { disturb in
            Task { [interval = options.disturbanceInterval] in
                var count = 0
                while !Task.isCancelled {
                    do { try await Task.sleep(for: interval) } catch { break }
                    try await disturb(count)
                    count += 1
                    journal.disturbed()
                }
            }
        }
        let each = max(1, options.operations / workers.count)
        let tasks = workers.map { worker in Task { await worker.run(operations: each) } }
        await watch(journal, until: tasks.count, progress)
        disturbing?.cancel()
        try await disturbing?.value
        for task in tasks { task.cancel() }
        return journal.report(elapsed: begun.duration(to: .now))
    }

    /// Waits until all workers have ended, or until nothing has ended for longer than any call may last.
    private func watch(
        _ journal: ChaosJournal, until count: Int, _ progress: (@Sendable (Int) -> Void)?
    ) async {
        let patience = ChaosWorker.longestCall + options.grace + options.settlingTime + .seconds(60)
        var (last, since) = (-1, ContinuousClock.now)
        var ticks = 0
        while journal.endedWorkers < count {
            try? await Task.sleep(for: .milliseconds(20))
            let done = journal.operations
            if done != last { (last, since) = (done, .now) }
            if since.duration(to: .now) > patience {
                journal.violation("\(count - journal.endedWorkers) tenants hang after \(done) operations.")
                return
            }
            ticks += 1
            if ticks % 50 == 0 { progress?(done) }
        }
    }
}

/// What is written while everything shakes.
struct ChaosCell: Entity, Equatable {
    var id: Int64
    var owner = ""
    var value: Int64 = 0
    var note = ""

    static let schema = EntitySchema(
        "chaos_cells", ChaosCell.init(id:owner:value:note:),
        .key("id", \.id), .field("owner", \.owner), .field("value", \.value), .field("note", \.note),
        indexes: [.on(\.value)])

    /// A record whose parts tell whether they belong together.
    init(id: Int64, value: Int64, of owner: TenantID) {
        self.init(
            id: id, owner: owner.rawValue, value: value,
            note: String(repeating: "\(owner)#\(value) ", count: Int(value % 23)))
    }

    init(id: Int64, owner: String, value: Int64, note: String) {
        (self.id, self.owner, self.value, self.note) = (id, owner, value, note)
    }
}
