import TenancyCore

/// Random numbers that a seed repeats.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a cache must answer, written as plainly as the contract, without bounds.
struct NaiveCache {
    private struct Entry {
        var value: [UInt8]?
        var expires: Duration?
        var lease: CacheToken?
        var leaseExpires = Duration.zero
        var blocks: [CacheToken: Duration] = [:]
    }

    private struct Address: Hashable {
        let tenant: Int
        let key: CacheKey
    }

    var now = Duration.zero
    private var entries: [Address: Entry] = [:]
    private var locks: [Address: (token: CacheToken, expires: Duration)] = [:]

    mutating func flush(_ tenant: Int) -> Int {
        var removed = 0
        for address in entries.keys where address.tenant == tenant {
            var entry = live(address)
            if entry.value != nil { removed += 1 }
            entry.value = nil
            entry.lease = nil
            entries[address] = entry
        }
        return removed
    }

    private func live(_ address: Address) -> Entry {
        var entry = entries[address] ?? Entry()
        if let expires = entry.expires, expires <= now { entry.value = nil }
        if entry.leaseExpires <= now { entry.lease = nil }
        entry.blocks = entry.blocks.filter { $0.value > now }
        return entry
    }

    mutating func run(_ command: CacheCommand, _ tenant: Int) -> CacheReply {
        let address = Address(tenant: tenant, key: command.key)
        var entry = live(address)
        defer { entries[address] = entry }
        func clear() {
            entry.value = nil
            entry.lease = nil
        }
        func store(_ value: [UInt8], _ timeToLive: Duration?) {
            entry.value = value
            entry.expires = timeToLive.map { now + $0 }
            entry.lease = nil
        }
        switch command {
        case .get: return entry.value.map(CacheReply.value) ?? .absent
        case .set(_, let value, let timeToLive, let condition):
            if !entry.blocks.isEmpty { return .refused }
            if condition == .ifAbsent, entry.value != nil { return .refused }
            if case .ifEqual(let expected) = condition, entry.value != expected { return .refused }
            store(value, timeToLive)
            return .done
        case .delete:
            defer { clear() }
            return .count(entry.value == nil ? 0 : 1)
        case .expire(_, let timeToLive):
            if entry.value == nil { return .count(0) }
            entry.expires = now + timeToLive
            return .count(1)
        case .increment(_, let amount, let timeToLive):
            let old = entry.value.map { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
            guard let old else { return .refused }
            let remaining = entry.value == nil ? timeToLive : entry.expires.map { $0 - now }
            store(Array("\(old + amount)".utf8), remaining)
            return .count(old + amount)
        case .lookUp(_, let lease, let leaseTime):
            if let value = entry.value { return .value(value) }
            if !entry.blocks.isEmpty { return .blocked }
            if entry.lease != nil && entry.lease != lease { return .busy }
            entry.lease = lease
            entry.leaseExpires = now + leaseTime
            return .leased
        case .fill(_, let lease, let value, let timeToLive):
            guard entry.lease == lease else { return .refused }
            store(value, timeToLive)
            return .done
        case .block(_, let token, let blockTime):
            clear()
            entry.blocks[token] = max(entry.blocks[token] ?? .zero, now + blockTime)
            return .done
        case .unblock(_, let token):
            clear()
            entry.blocks[token] = nil
            return .done
        case .getAndExpire(_, let timeToLive):
            if entry.value != nil { entry.expires = now + timeToLive }
            return entry.value.map(CacheReply.value) ?? .absent
        case .lock, .renew, .unlock: return runLock(command, address)
        }
    }

    /// Whoever takes a lock gets 1, instead of a fence.
    private mutating func runLock(_ command: CacheCommand, _ address: Address) -> CacheReply {
        if let lock = locks[address], lock.expires <= now { locks[address] = nil }
        let holder = locks[address]
        switch command {
        case .lock(_, let token, let time):
            guard (holder?.token ?? token) == token else { return .busy }
            locks[address] = (token, max(holder?.expires ?? .zero, now + time))
            return .count(1)
        case .renew(_, let token, let time):
            guard holder?.token == token else { return .refused }
            locks[address]?.expires = now + time
            return .done
        case .unlock(_, let token):
            guard holder?.token == token else { return .refused }
            locks[address] = nil
            return .done
        default: return .refused
        }
    }

    static func randomCommand(_ random: inout SeededGenerator) -> CacheCommand {
        let key = CacheKey("k\(Int.random(in: 0..<4, using: &random))")
        let token = CacheToken(rawValue: .random(in: 1...3, using: &random))
        let time = Duration.milliseconds(.random(in: 1...1_000, using: &random))
        let lifeTime = Bool.random(using: &random) ? time : nil
        let value = Array("\(Int.random(in: 0...3, using: &random))".utf8)
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1: return .get(key)
        case 2:
            let conditions: [CacheCondition] = [.always, .ifAbsent, .ifEqual(value)]
            let condition = conditions[Int.random(in: 0..<3, using: &random)]
            return .set(key, value, timeToLive: lifeTime, condition: condition)
        case 3: return .delete(key)
        case 4: return .expire(key, time)
        case 5: return .increment(key, by: .random(in: -5...5, using: &random), timeToLive: lifeTime)
        case 6: return .lookUp(key, lease: token, leaseTime: time)
        case 7: return .fill(key, lease: token, value, timeToLive: lifeTime)
        case 8: return .block(key, token: token, blockTime: time)
        case 9: return .unblock(key, token: token)
        case 10: return .getAndExpire(key, time)
        case 11: return .lock(key, token: token, holdTime: time)
        case 12: return .renew(key, token: token, holdTime: time)
        default: return .unlock(key, token: token)
        }
    }
}
