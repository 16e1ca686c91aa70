/// What a cache did so far.
public struct CacheStatistics: Sendable, Hashable {
    /// How many look-ups found a value.
    public var hits = 0
    /// How many look-ups found none.
    public var misses = 0
    /// How many values were found that nobody had stored so, and were removed.
    public var damaged = 0
    /// How many values were dropped to make room. Of a shared cache, of all processes' values, as the servers say about every
    /// second.
    public var evictions = 0
    /// How many bytes of values were read.
    public var bytesRead = 0
    /// How many bytes of values were written, or given to be compared.
    public var bytesWritten = 0
    /// How long calls of the cache took, each with all its commands.
    public var latencies = LatencyHistogram()
    /// How often a connection that was lost was made again.
    public var reconnects = 0
    /// How many values are stored; 0 if the cache can't tell cheaply.
    public var entries = 0
    /// How many bytes the stored values are taken to occupy; 0 if the cache can't tell cheaply.
    public var bytes = 0

    /// Nothing yet.
    public init() {}

    /// Adds what another part of the cache did, or another cache.
    public mutating func add(_ other: CacheStatistics) {
        hits += other.hits
        misses += other.misses
        damaged += other.damaged
        bytesRead += other.bytesRead
        bytesWritten += other.bytesWritten
        latencies.add(other.latencies)
        reconnects += other.reconnects
        evictions += other.evictions
        entries += other.entries
        bytes += other.bytes
    }

    /// Hits in proportion to all look-ups, 0 to 1; 0 of none.
    public var hitRate: Double {
        hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses)
    }
}
