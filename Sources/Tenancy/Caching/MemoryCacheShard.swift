import TenancyCore

/// One shard of a memory cache: the commands, each run under the shard's lock.
///
/// Times are durations since the cache was made.
struct MemoryCacheShard {
    /// A writer's block on a key.
    private struct Block {
        let token: CacheToken
        var expires: Duration
    }

    private(set) var table = MemoryCacheTable()
    private var blocks: [Int: [Block]] = [:]
    private var locks = MemoryCacheLocks()
    private let maximumBytes: Int
    private var sweepPosition = 0
    private var counters = CacheStatistics()

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    var statistics: CacheStatistics {
        var statistics = counters
        statistics.bytes += locks.bytes
        return statistics
    }

    /// How many cells a command that changes something looks at, to find what has expired.
    private static let sweepStep = 4

    @inline(__always)
    mutating func perform(
        _ command: CacheCommand, at address: MemoryCacheAddress, _ now: () -> Duration
    ) -> CacheReply {
        if case .get = command { return get(address, now) }
        return change(command, at: address, now())
    }

    private mutating func change(
        _ command: CacheCommand, at address: MemoryCacheAddress, _ now: Duration
    ) -> CacheReply {
        defer { sweep(now) }
        switch command {
        case .get: return get(address) { now }
        case .set(_, let value, let timeToLive, let condition):
            return set(address, value, timeToLive, condition, now)
        case .delete:
            guard let position = live(address, now) else { return .count(0) }
            let had = table[position].value != nil
            dropValueAndLease(position)
            return .count(had ? 1 : 0)
        case .expire(_, let timeToLive):
            guard let position = live(address, now), table[position].value != nil else { return .count(0) }
            table[position].expires = expiry(timeToLive, now)
            return .count(1)
        case .increment(_, let amount, let timeToLive): return increment(address, amount, timeToLive, now)
        case .lookUp(_, let lease, let leaseTime): return lookUp(address, lease, leaseTime, now)
        case .fill(_, let lease, let value, let timeToLive):
            guard let position = live(address, now), table[position].lease == lease else { return .refused }
            table[position].lease = nil
            return store(value, timeToLive, at: position, now)
        case .block(_, let token, let blockTime): return block(address, token, blockTime, now)
        case .unblock(_, let token):
            guard let position = live(address, now) else { return .done }
            blocks[position]?.removeAll { $0.token == token }
            dropValueAndLease(position)
            return .done
        case .getAndExpire(_, let timeToLive):
            let reply = get(address) { now }
            if case .value = reply, let position = table.find(address) {
                table[position].expires = expiry(timeToLive, now)
            }
            return reply
        case .lock(_, let token, let holdTime):
            defer { makeRoom() }
            return locks.take(address, token, until: expiry(holdTime, now), now)
        case .renew(_, let token, let holdTime):
            return locks.renew(address, token, until: expiry(holdTime, now), now) ? .done : .refused
        case .unlock(_, let token): return locks.release(address, token, now) ? .done : .refused
        }
    }

    // MARK: Commands

    @inline(__always)
    private mutating func get(_ address: MemoryCacheAddress, _ now: () -> Duration) -> CacheReply {
        guard let position = table.find(address), let value = table[position].value else {
            counters.misses += 1
            return .absent
        }
        if table[position].expires != .never, table[position].expires <= now() {
            dropValue(position)
            counters.misses += 1
            return .absent
        }
        counters.hits += 1
        table.touch(position)
        return .value(value)
    }

    private mutating func set(
        _ address: MemoryCacheAddress, _ value: [UInt8], _ timeToLive: Duration?, _ condition: CacheCondition,
        _ now: Duration
    ) -> CacheReply {
        let found = live(address, now)
        if let found, table[found].isBlocked { return .refused }
        let stored = found.flatMap { table[$0].value }
        switch condition {
        case .always: break
        case .ifAbsent: if stored != nil { return .refused }
        case .ifEqual(let expected): if stored != expected { return .refused }
        }
        let position = found ?? table.insert(address)
        table[position].lease = nil
        return store(value, timeToLive, at: position, now)
    }

    private mutating func increment(
        _ address: MemoryCacheAddress, _ amount: Int64, _ timeToLive: Duration?, _ now: Duration
    ) -> CacheReply {
        let found = live(address, now)
        var sum = amount
        if let found, let stored = table[found].value {
            guard let number = Self.integer(stored) else { return .refused }
            let (total, overflows) = number.addingReportingOverflow(amount)
            if overflows { return .refused }
            sum = total
        }
        let position = found ?? table.insert(address)
        table[position].lease = nil
        let expires = table[position].value == nil ? expiry(timeToLive, now) : table[position].expires
        guard store(Array(String(sum).utf8), expires: expires, at: position) == .done else { return .refused }
        return .count(sum)
    }

    /// A decimal integer in the only form in which ``CacheCommand/increment(_:by:timeToLive:)`` writes it.
    private static func integer(_ bytes: [UInt8]) -> Int64? {
        guard let number = Int64(String(decoding: bytes, as: UTF8.self)) else { return nil }
        return String(number).utf8.elementsEqual(bytes) ? number : nil
    }

    private mutating func lookUp(
        _ address: MemoryCacheAddress, _ lease: CacheToken, _ leaseTime: Duration, _ now: Duration
    ) -> CacheReply {
        if case .value(let value) = get(address, { now }) { return .value(value) }
        let found = live(address, now)
        if let found, table[found].isBlocked { return .blocked }
        if let found, (table[found].lease ?? lease) != lease { return .busy }
        let position = found ?? table.insert(address)
        table[position].lease = lease
        table[position].leaseExpires = expiry(leaseTime, now)
        recount(position)
        table.touch(position)
        makeRoom()
        return .leased
    }

    private mutating func block(
        _ address: MemoryCacheAddress, _ token: CacheToken, _ blockTime: Duration, _ now: Duration
    ) -> CacheReply {
        let position = live(address, now) ?? table.insert(address)
        let expires = expiry(blockTime, now)
        var standing = blocks[position] ?? []
        if let same = standing.firstIndex(where: { $0.token == token }) {
            standing[same].expires = max(standing[same].expires, expires)
        } else {
            standing.append(Block(token: token, expires: expires))
        }
        blocks[position] = standing
        dropValueAndLease(position)
        makeRoom()
        return .done
    }

    /// Removes a tenant's values and leases, and counts the values.
    mutating func flush(_ tenant: TenantID, _ now: Duration) -> Int {
        var removed = 0
        for position in table.positions(of: tenant) {
            if table[position].value != nil, table[position].expires > now { removed += 1 }
            dropValueAndLease(position)
        }
        return removed
    }

    mutating func removeAll() {
        locks = MemoryCacheLocks()
        table = MemoryCacheTable()
        blocks = [:]
        counters.entries = 0
        counters.bytes = 0
    }

    // MARK: Cells

    /// The cell at an address after everything in it that has expired is gone; `nil` if nothing is left of it.
    private mutating func live(_ address: MemoryCacheAddress, _ now: Duration) -> Int? {
        guard let position = table.find(address) else { return nil }
        return expireParts(position, now) ? position : nil
    }

    /// - Returns: Whether the cell still exists.
    private mutating func expireParts(_ position: Int, _ now: Duration) -> Bool {
        if table[position].value != nil, table[position].expires <= now {
            table[position].value = nil
            counters.entries -= 1
        }
        if table[position].lease != nil, table[position].leaseExpires <= now { table[position].lease = nil }
        if table[position].isBlocked { blocks[position]?.removeAll { $0.expires <= now } }
        return settle(position)
    }

    private mutating func store(
        _ value: [UInt8], _ timeToLive: Duration?, at position: Int, _ now: Duration
    ) -> CacheReply {
        store(value, expires: timeToLive.map { expiry($0, now) } ?? .never, at: position)
    }

    /// A value that is too large takes away the one before it too, so that nobody goes on reading what was to be
    /// replaced.
    private mutating func store(_ value: [UInt8], expires: Duration, at position: Int) -> CacheReply {
        let keyBytes = table[position].key.text.utf8.count
        guard value.count <= maximumBytes - keyBytes - MemoryCacheTable.overhead else {
            dropValueAndLease(position)
            return .refused
        }
        if table[position].value == nil { counters.entries += 1 }
        table[position].value = value
        table[position].expires = expires
        table.touch(position)
        recount(position)
        makeRoom()
        return .done
    }

    private mutating func dropValue(_ position: Int) {
        if table[position].value != nil { counters.entries -= 1 }
        table[position].value = nil
        _ = settle(position)
    }

    private mutating func dropValueAndLease(_ position: Int) {
        table[position].lease = nil
        dropValue(position)
    }

    /// Brings a cell's place and size in line with what it holds, and removes it if it holds nothing.
    ///
    /// - Returns: Whether the cell still exists.
    private mutating func settle(_ position: Int) -> Bool {
        if blocks[position]?.isEmpty == true { blocks[position] = nil }
        let holdsContent = table[position].value != nil || table[position].lease != nil
        let isBlocked = !blocks.isEmpty && blocks[position] != nil
        table[position].isBlocked = isBlocked
        if !holdsContent { table.unlist(position) }
        if holdsContent || isBlocked {
            recount(position)
            return true
        }
        counters.bytes -= table[position].bytes
        table.remove(position)
        return false
    }

    private mutating func recount(_ position: Int) {
        let ofBlocks = table[position].isBlocked ? (blocks[position]?.count ?? 0) * MemoryLayout<Block>.stride : 0
        let bytes =
            MemoryCacheTable.overhead + table[position].key.text.utf8.count + (table[position].value?.count ?? 0)
            + ofBlocks
        counters.bytes += bytes - table[position].bytes
        table[position].bytes = bytes
    }

    /// Drops values and leases, longest unused first, until the rest fits. Blocks stay.
    private mutating func makeRoom() {
        while counters.bytes + locks.bytes > maximumBytes, table.oldest >= 0 {
            let position = table.oldest
            if table[position].value != nil { counters.evictions += 1 }
            dropValueAndLease(position)
        }
    }

    /// Looks at a few cells, in turn, so that what expired and is never asked for goes too.
    private mutating func sweep(_ now: Duration) {
        for _ in 0..<min(Self.sweepStep, table.cells.count) {
            sweepPosition = sweepPosition + 1 < table.cells.count ? sweepPosition + 1 : 0
            if table[sweepPosition].isUsed { _ = expireParts(sweepPosition, now) }
        }
    }

    private func expiry(_ timeToLive: Duration?, _ now: Duration) -> Duration {
        guard let timeToLive else { return .never }
        // More than a century is for ever, and the sum of any two durations need not be representable.
        return timeToLive >= .seconds(4_000_000_000) ? .never : now + timeToLive
    }
}
