import TenancyCore

/// Writes the cache's commands as one server takes them.
struct CommandEncoder {
    private let session: RedisSession
    private let configuration: RedisConfiguration

    init(_ session: RedisSession, _ configuration: RedisConfiguration) {
        self.session = session
        self.configuration = configuration
    }

    /// Writes a command as a plain read or as a script.
    ///
    /// - Parameter prefix: What the entry's name begins with.
    func write(
        _ command: CacheCommand, _ prefix: [UInt8], to writer: inout CommandWriter
    ) throws(TenancyError) {
        switch command {
        case .get(let key):
            writer.begin("GET")
            writer.add(prefix, key.text)
        case .set(let key, let value, let life, let condition):
            begin(.set, prefix, key, &writer)
            writer.add(value)
            writer.add(milliseconds(life))
            switch condition {
            case .always: writer.add("always")
            case .ifAbsent: writer.add("absent")
            case .ifEqual(let expected):
                writer.add("equal")
                writer.add(expected)
            }
        case .delete(let key): begin(.delete, prefix, key, &writer)
        case .expire(let key, let life):
            begin(.expire, prefix, key, &writer)
            writer.add(milliseconds(life))
        case .increment(let key, let amount, let life):
            begin(.increment, prefix, key, &writer)
            writer.add(amount)
            writer.add(milliseconds(life))
        case .lookUp(let key, let lease, let leaseTime):
            begin(.lookUp, prefix, key, &writer)
            writer.add(lease.rawValue)
            writer.add(milliseconds(leaseTime))
        case .fill(let key, let lease, let value, let life):
            begin(.fill, prefix, key, &writer)
            writer.add(lease.rawValue)
            writer.add(value)
            writer.add(milliseconds(life))
        case .block(let key, let token, let blockTime):
            begin(.block, prefix, key, &writer)
            writer.add(token.rawValue)
            writer.add(Self.milliseconds(blockTime))
            writer.add(session.evictsOnlyExpiring ? 1 : 0)
        case .unblock(let key, let token):
            begin(.unblock, prefix, key, &writer)
            writer.add(token.rawValue)
        case .getAndExpire(let key, let life):
            begin(.getAndExpire, prefix, key, &writer)
            writer.add(milliseconds(life))
        case .lock(let key, let token, let holdTime):
            begin(.lock, prefix + Self.lockMark, key, &writer)
            writer.add(token.rawValue)
            writer.add(Self.milliseconds(holdTime))
            writer.add(session.evictsOnlyExpiring ? 1 : 0)
        case .renew(let key, let token, let holdTime):
            begin(.renew, prefix + Self.lockMark, key, &writer)
            writer.add(token.rawValue)
            writer.add(Self.milliseconds(holdTime))
            writer.add(session.evictsOnlyExpiring ? 1 : 0)
        case .unlock(let key, let token):
            begin(.unlock, prefix + Self.lockMark, key, &writer)
            writer.add(token.rawValue)
        }
        try writer.end()
    }

    /// What a lock's name begins with behind the tenant's part. No text in UTF-8 has this byte, so no key is a lock's name.
    private static let lockMark: [UInt8] = [0xff]

    private func begin(
        _ script: RedisScript, _ prefix: [UInt8], _ key: CacheKey, _ writer: inout CommandWriter
    ) {
        writer.begin("EVALSHA")
        writer.add(session.scripts[script])
        writer.add("1")
        writer.add(prefix, key.text)
    }

    /// A life time as the server takes it: at most the longest one that is configured, and at least a millisecond.
    private func milliseconds(_ life: Duration?) -> Int64 {
        Self.milliseconds(min(life ?? configuration.maximumTimeToLive, configuration.maximumTimeToLive))
    }

    /// Whole milliseconds, rounded up; a century at most, which leaves the server room to add the time of day.
    static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = min(max(duration, .zero), .seconds(3_155_760_000)).components
        return max(1, seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
