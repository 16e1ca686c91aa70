import Synchronization
import TenancyCore

/// A cache that a test can stop at chosen points, make fail, and take rules away from.
final class GatedCache: CacheAdapter {
    /// What is wrong with the cache.
    enum Fault: Sendable {
        case none
        /// Every call throws.
        case unavailable
        /// Values come back with a byte changed.
        case corrupting
        /// Values come back that belong to another key.
        case misrouting
        /// Writers remove what they change, and nothing keeps readers from storing what they read before.
        case ignoresFences
        /// Nothing is unblocked: the writer has died.
        case losesUnblocks
    }

    let base: any CacheAdapter
    let beforeFill = Gate()
    let beforeBlock = Gate()
    let afterBlock = Gate()
    let beforeUnblock = Gate()
    let fault = Mutex(Fault.none)
    let commands = Mutex<[CacheCommand]>([])
    let isRecording: Bool

    init(_ base: any CacheAdapter, isRecording: Bool = false, fault: Fault = .none) {
        self.base = base
        self.isRecording = isRecording
        self.fault.withLock { $0 = fault }
    }

    func set(_ fault: Fault) { self.fault.withLock { $0 = fault } }

    var name: String { base.name }
    func start() async throws(TenancyError) { try await base.start() }
    func statistics() -> CacheStatistics { base.statistics() }
    func health() async -> BackendHealth { await base.health() }
    func shutDown() async { await base.shutDown() }

    func flush(_ tenant: TenantID) async throws(TenancyError) -> Int {
        if case .unavailable = fault.withLock(\.self) { throw TenancyError(.unavailable, "The cache is gone.") }
        return try await base.flush(tenant)
    }

    func scan(
        _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
    ) async throws(TenancyError) -> CachePage {
        try await base.scan(tenant, prefix: prefix, after: cursor)
    }

    func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage { try await base.usage(of: tenant) }

    func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let fault = fault.withLock(\.self)
        if case .unavailable = fault { throw TenancyError(.unavailable, "The cache is gone.") }
        // As a connection that is shared by many: nothing is sent for who has been cancelled.
        if Task.isCancelled { throw TenancyError(.cancelled, "The calling task was cancelled.") }
        if isRecording { self.commands.withLock { $0 += commands } }
        for command in commands {
            switch command {
            case .fill(let key, _, _, _), .set(let key, _, _, _):
                if key.text.hasPrefix("r:") || key.text.hasPrefix("q:") { await beforeFill.pass() }
            case .block: await beforeBlock.pass()
            case .unblock: await beforeUnblock.pass()
            default: break
            }
        }
        let isBlock = commands.contains { if case .block = $0 { true } else { false } }
        var replies = try await base.run(commands.map { Self.changed($0, fault) }, for: tenant)
        if isBlock { await afterBlock.pass() }
        if case .ignoresFences = fault {
            replies = zip(commands, replies).map { command, reply in
                switch (command, reply) {
                case (.block, _), (.unblock, _): .done
                case (.lookUp, .busy), (.lookUp, .blocked): .leased
                default: reply
                }
            }
        }
        guard case .corrupting = fault else {
            guard case .misrouting = fault, replies.count > 2 else { return replies }
            // The generation's reply stays; the others change places, as on a connection that has lost count.
            return [replies[0]] + replies.dropFirst(2) + [replies[1]]
        }
        return replies.map { reply in
            guard case .value(var bytes) = reply, bytes.count > 8 else { return reply }
            bytes[.random(in: bytes.indices)] ^= 1 << UInt8.random(in: 0..<8)
            return .value(bytes)
        }
    }

    private static func changed(_ command: CacheCommand, _ fault: Fault) -> CacheCommand {
        switch (fault, command) {
        case (.ignoresFences, .block(let key, _, _)), (.ignoresFences, .unblock(let key, _)): .delete(key)
        case (.ignoresFences, .fill(let key, _, let bytes, let life)):
            .set(key, bytes, timeToLive: life, condition: .always)
        case (.losesUnblocks, .unblock(let key, _)): .get(key)
        default: command
        }
    }
}
