import TenancyCore

/// Whose key it is, which key, and the hash of both.
struct MemoryCacheAddress {
    let tenant: TenantID
    let key: CacheKey
    private let hash: UInt64

    @inline(__always)
    init(_ tenant: TenantID, _ key: CacheKey) {
        self.tenant = tenant
        self.key = key
        // The standard hasher is seeded for each process, so that nobody can choose keys that all collide.
        var hasher = Hasher()
        Self.feed(tenant.rawValue, to: &hasher)
        hasher.combine(UInt8(0))
        Self.feed(key.text, to: &hasher)
        hash = UInt64(bitPattern: Int64(hasher.finalize()))
    }

    @inline(__always)
    private static func feed(_ text: String, to hasher: inout Hasher) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isContiguous == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }

    /// The half of the hash by which a shard is chosen.
    var shard: Int { Int(hash >> 32) }
    /// The half of the hash by which a cell is found in the shard.
    var tag: UInt32 { UInt32(truncatingIfNeeded: hash) }
}

/// The cells of one shard: a hash table over them, their order of use, and each tenant's own list.
///
/// Cells lie in one array and refer to each other by position, so that nothing is allocated for a cell but its key
/// and value, and a hit moves a cell to the front by writing a few integers.
struct MemoryCacheTable {
    struct Cell {
        let tenant: TenantID
        fileprivate(set) var key: CacheKey
        let tag: UInt32
        var value: [UInt8]?
        var expires = Duration.never
        var lease: CacheToken?
        var leaseExpires = Duration.never
        /// Whether the shard holds blocks for the cell.
        var isBlocked = false
        /// What the cell was last counted as.
        var bytes = 0
        fileprivate(set) var isUsed = true
    }

    /// A cell's neighbours in a list. Kept beside the cells, eight bytes each, so that moving a cell to the front
    /// touches a few lines of memory that are likely cached, and not the neighbours' cells.
    private struct Link {
        var before = Link.none
        var after = Link.none

        static let none: Int32 = -1
        static let unlisted: Int32 = -2
    }

    private(set) var cells: [Cell] = []
    /// The cell used longest ago among those that hold a value or a lease, or -1.
    private(set) var oldest = -1
    private var newest = -1
    /// The order of use, the newer one before.
    private var uses: [Link] = []
    /// The lists of the tenants' cells.
    private var siblings: [Link] = []
    private var free: [Int] = []
    /// Linear probing: the tag in the upper half, the cell's position plus one in the lower; 0 is empty.
    private var slots = [UInt64](repeating: 0, count: 64)
    private var heads: [TenantID: Int] = [:]

    /// How many cells are in use.
    var count: Int { cells.count - free.count }

    /// What a cell takes beside its key's and value's bytes: itself, its slots at half load, two array headers.
    static let overhead =
        MemoryLayout<Cell>.stride + 2 * MemoryLayout<Link>.stride + 2 * MemoryLayout<UInt64>.stride + 64

    /// Gives exclusive access to a cell.
    subscript(position: Int) -> Cell {
        @inline(__always) get { cells[position] }
        @inline(__always) _modify { yield &cells[position] }
    }

    @inline(__always)
    func find(_ address: MemoryCacheAddress) -> Int? {
        // In place, because an array's element is else copied out to be compared, with two atomic counts.
        cells.withUnsafeBufferPointer { cells in
            slots.withUnsafeBufferPointer { slots in
                let mask = slots.count - 1
                var slot = Int(address.tag) & mask
                while slots[slot] != 0 {
                    if UInt32(truncatingIfNeeded: slots[slot] >> 32) == address.tag {
                        let position = Int(UInt32(truncatingIfNeeded: slots[slot])) - 1
                        if cells[position].key == address.key, cells[position].tenant == address.tenant {
                            return position
                        }
                    }
                    slot = (slot + 1) & mask
                }
                return nil
            }
        }
    }

    /// Adds an empty cell, which must not exist yet.
    mutating func insert(_ address: MemoryCacheAddress) -> Int {
        let cell = Cell(tenant: address.tenant, key: address.key, tag: address.tag)
        let unlisted = Link(before: Link.unlisted, after: Link.unlisted)
        let position: Int
        if let reused = free.popLast() {
            cells[reused] = cell
            uses[reused] = unlisted
            siblings[reused] = Link()
            position = reused
        } else {
            cells.append(cell)
            uses.append(unlisted)
            siblings.append(Link())
            position = cells.count - 1
        }
        if count * 2 > slots.count { grow() }
        place(UInt64(address.tag) << 32 | UInt64(position + 1))
        if let next = heads.updateValue(position, forKey: address.tenant) {
            siblings[position].after = Int32(next)
            siblings[next].before = Int32(position)
        }
        return position
    }

    /// Takes a cell out of everything.
    mutating func remove(_ position: Int) {
        unlist(position)
        let (before, after) = (siblings[position].before, siblings[position].after)
        if after >= 0 { siblings[Int(after)].before = before }
        if before >= 0 {
            siblings[Int(before)].after = after
        } else {
            heads[cells[position].tenant] = after >= 0 ? Int(after) : nil
        }
        vacate(cells[position].tag, position)
        cells[position].value = nil
        cells[position].key = CacheKey("")
        cells[position].isUsed = false
        free.append(position)
    }

    /// The positions of a tenant's cells.
    func positions(of tenant: TenantID) -> [Int] {
        var positions: [Int] = []
        var position = heads[tenant] ?? -1
        while position >= 0 {
            positions.append(position)
            position = Int(siblings[position].after)
        }
        return positions
    }

    /// Makes a cell the one used last.
    @inline(__always)
    mutating func touch(_ position: Int) {
        if newest == position { return }
        unlist(position)
        uses[position] = Link(before: Link.none, after: Int32(newest))
        if newest >= 0 { uses[newest].before = Int32(position) } else { oldest = position }
        newest = position
    }

    /// Takes a cell out of the order of use.
    @inline(__always)
    mutating func unlist(_ position: Int) {
        let (before, after) = (uses[position].before, uses[position].after)
        guard before != Link.unlisted else { return }
        if before >= 0 { uses[Int(before)].after = after } else { newest = Int(after) }
        if after >= 0 { uses[Int(after)].before = before } else { oldest = Int(before) }
        uses[position].before = Link.unlisted
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        for slot in old where slot != 0 { place(slot) }
    }

    private mutating func place(_ content: UInt64) {
        let mask = slots.count - 1
        var slot = Int(content >> 32) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = content
    }

    /// Empties a cell's slot and moves back what was displaced by it, so that no search ends too early.
    private mutating func vacate(_ tag: UInt32, _ position: Int) {
        let mask = slots.count - 1
        let content = UInt64(tag) << 32 | UInt64(position + 1)
        var hole = Int(tag) & mask
        while slots[hole] != content { hole = (hole + 1) & mask }
        var slot = hole
        while true {
            slot = (slot + 1) & mask
            if slots[slot] == 0 { break }
            let home = Int(slots[slot] >> 32) & mask
            // The content may move to the hole only if its home is not between the two.
            if (slot - home) & mask >= (slot - hole) & mask {
                slots[hole] = slots[slot]
                hole = slot
            }
        }
        slots[hole] = 0
    }
}

extension Duration {
    /// Later than any moment of a cache's life.
    static let never = Duration.seconds(Int64.max)
}
