import Tenancy
import TenancyCore
import TenancyTesting

/// Readers and writers of one record, whose steps come in a random order, against a real cache: writers die, leases
/// and blocks of the dead expire.
struct CacheProtocolSimulation {
    /// What the protocol demands; taken away one at a time, to see that it is missed.
    enum Rule: CaseIterable {
        case blockBeforeCommit, blockOutlivesCommit, fillNeedsLease, leaseBeforeLoad, busyReadersDoNotFill
        case blockIsLiftedByItsWriter
    }

    private enum Step { case start, first, second, done }

    private struct Writer {
        var step = Step.start
        var version = 0
        let token: CacheToken
        var isDead = false
    }

    private struct Reader {
        var step = Step.start
        var floor = 0
        var seen = 0
        let lease: CacheToken
    }

    private static let blockTime = Duration.seconds(60)
    private static let leaseTime = Duration.seconds(1)

    private let missing: Rule?
    private let clock: ManualClock
    private let cache: MemoryCache
    private let tenant: TenantID
    private let key = CacheKey("record")
    private var random: SeededGenerator

    private var stored = 0
    private var acknowledged = 0
    private var writers: [Writer] = []
    private var readers: [Reader] = []

    init(seed: UInt64, without missing: Rule? = nil) throws {
        self.missing = missing
        random = SeededGenerator(seed: seed)
        clock = ManualClock()
        cache = try MemoryCache(maximumBytes: 1 << 16, shards: 1, clock: clock)
        tenant = try TenantID("UA")
    }

    /// - Returns: What went wrong, or `nil`.
    func run() async throws -> String? {
        var copy = self
        return try await copy.simulate()
    }

    private mutating func simulate() async throws -> String? {
        for number in 0..<4 {
            writers.append(Writer(token: CacheToken(rawValue: UInt64(number + 1))))
            readers.append(Reader(lease: CacheToken(rawValue: UInt64(number + 100))))
        }
        for _ in 0..<60 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: clock.advance(by: Self.leaseTime)
            case 1..<9: try await write(Int.random(in: 0..<4, using: &random))
            default:
                if let problem = try await read(Int.random(in: 0..<4, using: &random)) { return problem }
            }
        }
        return try await lingering()
    }

    private func send(_ command: CacheCommand) async throws -> CacheReply {
        try await cache.run([command], for: tenant)[0]
    }

    private mutating func write(_ number: Int) async throws {
        if writers[number].isDead { return }
        let token = writers[number].token
        switch writers[number].step {
        case .start:
            let time = missing == .blockOutlivesCommit ? .milliseconds(1) : Self.blockTime
            if missing != .blockBeforeCommit { _ = try await send(.block(key, token: token, blockTime: time)) }
            if missing == .blockOutlivesCommit { clock.advance(by: .milliseconds(1)) }
            writers[number].step = .first
        case .first:
            stored += 1
            writers[number].version = stored
            writers[number].step = .second
            // A writer that dies here has committed, and was not acknowledged.
            writers[number].isDead = Int.random(in: 0..<8, using: &random) == 0
        case .second:
            let lifted = missing == .blockIsLiftedByItsWriter ? writers.map(\.token) : [token]
            for token in lifted { _ = try await send(.unblock(key, token: token)) }
            acknowledged = max(acknowledged, writers[number].version)
            writers[number].step = .done
        case .done: writers[number] = Writer(token: CacheToken(rawValue: .random(in: 1_000 ... .max, using: &random)))
        }
    }

    private mutating func read(_ number: Int) async throws -> String? {
        let lease = readers[number].lease
        switch readers[number].step {
        case .start:
            readers[number].floor = acknowledged
            if missing == .leaseBeforeLoad {
                guard case .absent = try await send(.get(key)) else { return try await hit(number) }
                readers[number].seen = stored
                readers[number].step = .first
                return nil
            }
            switch try await send(.lookUp(key, lease: lease, leaseTime: Self.leaseTime)) {
            case .value: return try await hit(number)
            case .leased: readers[number].step = .first
            default: if missing == .busyReadersDoNotFill { readers[number].step = .first }
            }
        case .first:
            if missing == .leaseBeforeLoad {
                _ = try await send(.lookUp(key, lease: lease, leaseTime: Self.leaseTime))
            } else {
                readers[number].seen = stored
            }
            readers[number].step = .second
        case .second:
            try await fill(number)
            readers[number].step = .done
        case .done:
            readers[number] = Reader(lease: CacheToken(rawValue: .random(in: 1_000 ... .max, using: &random)))
        }
        return nil
    }

    private func fill(_ number: Int) async throws {
        let value = Array("\(readers[number].seen)".utf8)
        switch missing {
        case .fillNeedsLease, .busyReadersDoNotFill:
            _ = try await send(.set(key, value, timeToLive: nil, condition: .always))
        default: _ = try await send(.fill(key, lease: readers[number].lease, value, timeToLive: nil))
        }
    }

    private mutating func hit(_ number: Int) async throws -> String? {
        readers[number].step = .done
        guard let version = try await cached(), version < readers[number].floor else { return nil }
        return "read version \(version) after \(readers[number].floor) was acknowledged"
    }

    private func cached() async throws -> Int? {
        guard case .value(let value) = try await send(.get(key)) else { return nil }
        return Int(String(decoding: value, as: UTF8.self))
    }

    /// Once everybody has ended and every block is gone, the cache holds nothing older than the database.
    private mutating func lingering() async throws -> String? {
        for number in writers.indices {
            while writers[number].step != .done, !writers[number].isDead { try await write(number) }
        }
        for number in readers.indices where readers[number].step == .second { try await fill(number) }
        clock.advance(by: Self.blockTime)
        guard let version = try await cached(), version < stored else { return nil }
        return "version \(version) stayed, the database has \(stored)"
    }
}
