import TenancyCore

/// One shard of the local cache: a hash table, and which records make room, by the rules of S3-FIFO.
///
/// What is new waits in a short queue, a tenth of the room. What was asked for there more than once goes on to the main
/// queue, and the rest is dropped; so what is asked for once, as by a scan, doesn't drive out what is asked for often. A
/// hit only counts, and moves nothing. What was dropped from the short queue and soon comes again goes to the main queue
/// at once.
struct LocalShard {
    private enum Queue: UInt8 {
        case none, short, main
    }

    private struct Entry {
        var address: LocalAddress
        /// The record; `nil` for its absence.
        var value: AnyObject?
        var expires: Int64 = 0
        /// As of when the record is known to have been current.
        var asOf: Int64 = 0
        /// The version of the tenant's entity in which it was kept.
        var version: UInt64 = 0
        var bytes = 0
        var uses: UInt8 = 0
        var queue = Queue.none
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    private struct Line {
        var oldest: Int32 = -1
        var newest: Int32 = -1
        var bytes = 0
    }

    /// What a look-up found.
    struct Hit {
        /// The record; `nil` for its absence.
        let value: AnyObject?
    }

    private let maximumBytes: Int
    private var entries: [Entry] = []
    private var free: [Int32] = []
    private var positions: [UInt64: Int32] = [:]
    private var short = Line()
    private var main = Line()
    /// Where a hash leads that was dropped from the short queue not long ago.
    private var ghosts: [UInt32]
    /// How often records that share a number were changed. A change makes void what was looked up before it; that some
    /// share a number costs a few look-ups.
    private var recordVersions: [UInt64]
    /// How often tenants' entities that share a number were changed, which makes void what is kept of them.
    private var scopeVersions: [UInt64]
    private(set) var statistics = CacheStatistics()
    private var isClosed = false

    private static let ghostCount = 1 << 10
    private static let recordNumbers = 1 << 8
    private static let scopeNumbers = 1 << 10
    private static let mostUses: UInt8 = 3

    /// What an entry takes beside its record: itself, its place in the table, the box of the record.
    static let overhead = MemoryLayout<Entry>.stride + 64

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        ghosts = Array(repeating: 0, count: Self.ghostCount)
        recordVersions = Array(repeating: 0, count: Self.recordNumbers)
        scopeVersions = Array(repeating: 0, count: Self.scopeNumbers)
    }

    // MARK: Reading

    /// What is kept under an address, if it still counts and was current at `moment` or later.
    @inline(__always)
    mutating func find(_ address: borrowing LocalAddress, now: Int64, currentAt moment: Int64) -> Hit? {
        guard let position = positions[address.hash].map(Int.init),
            entries[position].address.matches(address),
            entries[position].version == scopeVersions[Self.scopeNumber(address.scope)],
            entries[position].expires > now, entries[position].asOf >= moment
        else {
            statistics.misses += 1
            return nil
        }
        if entries[position].uses < Self.mostUses { entries[position].uses += 1 }
        statistics.hits += 1
        return Hit(value: entries[position].value)
    }

    /// What is current now, to be shown when a record is kept that is looked up from now on.
    func ticket(_ address: borrowing LocalAddress, now: Int64) -> LocalTicket {
        LocalTicket(
            asOf: now, record: recordVersions[Self.recordNumber(address.hash)],
            scope: scopeVersions[Self.scopeNumber(address.scope)])
    }

    // MARK: Keeping

    /// Keeps a record, unless it, or its tenant's entity, has changed since the ticket was given.
    mutating func keep(
        _ value: AnyObject?, bytes: Int, at address: LocalAddress, _ ticket: LocalTicket, expires: Int64
    ) {
        // What was asked for often stays what was, when a younger copy takes its place.
        let before = positions[address.hash].map { (queue: entries[Int($0)].queue, uses: entries[Int($0)].uses) }
        remove(hash: address.hash)
        let bytes = bytes + Self.overhead
        guard !isClosed, ticket.record == recordVersions[Self.recordNumber(address.hash)],
            ticket.scope == scopeVersions[Self.scopeNumber(address.scope)], bytes <= maximumBytes / 2
        else { return }
        var entry = Entry(address: address, value: value)
        entry.expires = expires
        entry.asOf = ticket.asOf
        entry.version = ticket.scope
        entry.bytes = bytes
        entry.uses = before?.uses ?? 0
        let position: Int32
        if let reused = free.popLast() {
            entries[Int(reused)] = entry
            position = reused
        } else {
            entries.append(entry)
            position = Int32(entries.count - 1)
        }
        positions[address.hash] = position
        statistics.entries += 1
        statistics.bytes += bytes
        let ghost = Self.ghost(address.hash)
        let isBack = ghosts[ghost.place] == ghost.mark
        if isBack { ghosts[ghost.place] = 0 }
        push(position, isBack || before?.queue == .main ? .main : .short)
        makeRoom()
    }

    // MARK: Forgetting

    /// Forgets a record, and what is being looked up of it.
    mutating func change(_ hash: UInt64) {
        recordVersions[Self.recordNumber(hash)] &+= 1
        remove(hash: hash)
    }

    /// Forgets a tenant's entity, and what is being looked up of it. The records make room one after another.
    mutating func changeAll(in scope: UInt64) { scopeVersions[Self.scopeNumber(scope)] &+= 1 }

    /// Forgets everything, and what is being looked up.
    mutating func removeAll(closing: Bool = false) {
        isClosed = isClosed || closing
        for number in recordVersions.indices { recordVersions[number] &+= 1 }
        for number in scopeVersions.indices { scopeVersions[number] &+= 1 }
        entries = []
        free = []
        positions = [:]
        short = Line()
        main = Line()
        statistics.entries = 0
        statistics.bytes = 0
    }

    private mutating func remove(hash: UInt64) {
        if let position = positions[hash] { discard(position) }
    }

    private mutating func discard(_ position: Int32) {
        unlink(position)
        let at = Int(position)
        positions[entries[at].address.hash] = nil
        statistics.entries -= 1
        statistics.bytes -= entries[at].bytes
        entries[at].value = nil
        free.append(position)
    }

    // MARK: Making room

    private mutating func makeRoom() {
        while statistics.bytes > maximumBytes {
            if short.oldest >= 0, short.bytes > maximumBytes / 10 || main.oldest < 0 {
                leaveShort(short.oldest)
            } else if main.oldest >= 0 {
                leaveMain(main.oldest)
            } else {
                return
            }
        }
    }

    private mutating func leaveShort(_ position: Int32) {
        let at = Int(position)
        if entries[at].uses > 1, counts(at) {
            unlink(position)
            entries[at].uses = 0
            push(position, .main)
            return
        }
        let ghost = Self.ghost(entries[at].address.hash)
        ghosts[ghost.place] = ghost.mark
        statistics.evictions += 1
        discard(position)
    }

    private mutating func leaveMain(_ position: Int32) {
        let at = Int(position)
        if entries[at].uses > 0, counts(at) {
            entries[at].uses -= 1
            unlink(position)
            push(position, .main)
            return
        }
        statistics.evictions += 1
        discard(position)
    }

    /// Whether the record has not been made void.
    private func counts(_ at: Int) -> Bool {
        entries[at].version == scopeVersions[Self.scopeNumber(entries[at].address.scope)]
    }

    // MARK: Queues

    private mutating func push(_ position: Int32, _ queue: Queue) {
        let at = Int(position)
        entries[at].queue = queue
        entries[at].newer = -1
        var line = queue == .short ? short : main
        entries[at].older = line.newest
        if line.newest >= 0 { entries[Int(line.newest)].newer = position } else { line.oldest = position }
        line.newest = position
        line.bytes += entries[at].bytes
        if queue == .short { short = line } else { main = line }
    }

    private mutating func unlink(_ position: Int32) {
        let at = Int(position)
        let (older, newer) = (entries[at].older, entries[at].newer)
        if older >= 0 { entries[Int(older)].newer = newer }
        if newer >= 0 { entries[Int(newer)].older = older }
        let isShort = entries[at].queue == .short
        var line = isShort ? short : main
        if older < 0 { line.oldest = newer }
        if newer < 0 { line.newest = older }
        line.bytes -= entries[at].bytes
        if isShort { short = line } else { main = line }
        entries[at].queue = .none
    }

    // MARK: Numbers

    @inline(__always)
    private static func recordNumber(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (recordNumbers - 1) }

    @inline(__always)
    static func scopeNumber(_ scope: UInt64) -> Int { Int(truncatingIfNeeded: scope) & (scopeNumbers - 1) }

    private static func ghost(_ hash: UInt64) -> (place: Int, mark: UInt32) {
        (Int(truncatingIfNeeded: hash >> 16) & (ghostCount - 1), UInt32(truncatingIfNeeded: hash >> 32) | 1)
    }
}
