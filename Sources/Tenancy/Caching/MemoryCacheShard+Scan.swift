import TenancyCore

// What a tenant has.
extension MemoryCacheShard {
    /// How many cells one step of a scan looks at.
    static let scanStep = 1_000

    /// The keys of a tenant's values among the next cells.
    ///
    /// - Returns: Those keys, and the cell to go on with; `nil` after the last.
    func keys(
        of tenant: TenantID, prefix: String, from start: Int, _ now: Duration
    ) -> (keys: [CacheKey], next: Int?) {
        // A cell never moves, so one that is there all the time is met.
        guard start < table.cells.count else { return ([], nil) }
        let end = min(start + Self.scanStep, table.cells.count)
        let keys = table.cells[start..<end].filter { cell in
            cell.isUsed && cell.value != nil && cell.expires > now && cell.tenant == tenant
                && cell.key.text.utf8.starts(with: prefix.utf8)
        }
        return (keys.map(\.key), end < table.cells.count ? end : nil)
    }

    /// What a tenant's values take.
    func usage(of tenant: TenantID, _ now: Duration) -> CacheUsage {
        table.positions(of: tenant).reduce(into: CacheUsage()) { usage, position in
            guard table[position].value != nil, table[position].expires > now else { return }
            usage.entries += 1
            usage.bytes += table[position].bytes
        }
    }
}
