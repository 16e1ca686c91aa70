import TenancyCore

/// Goes through the names of one tenant's values, in steps of which each holds a server for some hundred names only.
struct RedisScan {
    private let tenant: TenantID
    private let masters: [RedisSession]
    private let isOfCluster: Bool
    /// What the names of entries begin with that are of use; those on their way to another master have the former's.
    private let current: [[UInt8]]

    /// - Parameter masters: All masters of a cluster, or the one server.
    init(_ tenant: TenantID, in masters: [RedisSession], isCluster: Bool) {
        self.tenant = tenant
        // In an order that every call finds again.
        self.masters = masters.sorted { $0.identity.epoch < $1.identity.epoch }
        isOfCluster = isCluster
        current = masters.map { RedisKeys(tenant, $0.identity).prefix }
    }

    // MARK: Steps

    /// Where a server's scan begins.
    static let start = "0"

    /// How many names the server looks at in one step.
    private static let stepCount = 500

    /// Names that match the pattern.
    ///
    /// - Returns: Some names, and where to go on; `nil` after the last.
    static func step(
        _ session: RedisSession, from cursor: String, _ pattern: [UInt8], valuesOnly: Bool = false
    ) async throws(TenancyError) -> (names: [[UInt8]], next: String?) {
        var commands = CommandWriter()
        commands.begin("SCAN")
        commands.add(cursor)
        commands.add("MATCH")
        commands.add(pattern)
        commands.add("COUNT")
        commands.add(stepCount)
        if valuesOnly {
            commands.add("TYPE")
            commands.add("string")
        }
        try commands.end()
        let call = RedisCall(commands)
        try await session.connection.run(call)
        if let word = call[0]?.errorWord { throw TenancyError(redis: word) }
        guard let next = call[0]?[0]?.text, let page = call[0]?[1] else { throw RedisBatch.missing }
        return ((0..<page.count).compactMap { page[$0]?.bytes }, next == start ? nil : next)
    }

    // MARK: Keys

    func page(prefix: String, after cursor: CacheCursor?) async throws(TenancyError) -> CachePage {
        var (position, from) = (0, Self.start)
        if let cursor {
            let parts = cursor.text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, UInt64(parts[1]) != nil,
                let known = masters.firstIndex(where: { $0.identity.epoch == parts[0] })
            else { throw TenancyError(.invalidCursor, "The cursor is not of a server that is there now.") }
            (position, from) = (known, String(parts[1]))
        }
        guard position < masters.count else { return CachePage(keys: [], next: nil) }
        let session = masters[position]
        let pattern = RedisKeys(tenant, session.identity).pattern(keysWith: prefix, isOfCluster: isOfCluster)
        let step = try await Self.step(session, from: from, pattern, valuesOnly: true)
        var next = step.next.map { "\(session.identity.epoch)-\($0)" }
        if next == nil, position + 1 < masters.count {
            next = "\(masters[position + 1].identity.epoch)-\(Self.start)"
        }
        return CachePage(keys: step.names.compactMap(key), next: next.map(CacheCursor.init))
    }

    /// The key of a name; `nil` of what a former server has left.
    private func key(of name: [UInt8]) -> CacheKey? {
        guard let prefix = current.first(where: { name.starts(with: $0) }) else { return nil }
        let text = name.dropFirst(prefix.count + (isOfCluster ? RedisKeys.tagLength : 0))
        return String(validating: text, as: UTF8.self).map(CacheKey.init)
    }

    // MARK: Usage

    func usage() async throws(TenancyError) -> CacheUsage {
        var usage = CacheUsage()
        for session in masters {
            let pattern = RedisKeys(tenant, session.identity).pattern
            var cursor: String? = Self.start
            while let from = cursor {
                let step = try await Self.step(session, from: from, pattern, valuesOnly: true)
                let names = step.names.filter { key(of: $0) != nil }
                if !names.isEmpty { try await measure(names, session, &usage) }
                cursor = step.next
            }
        }
        return usage
    }

    private func measure(
        _ names: [[UInt8]], _ session: RedisSession, _ usage: inout CacheUsage
    ) async throws(TenancyError) {
        var commands = CommandWriter()
        for name in names {
            if isOfCluster { try commands.write("ASKING") }
            commands.begin("MEMORY")
            commands.add("USAGE")
            commands.add(name)
            try commands.end()
        }
        let call = RedisCall(commands)
        try await session.connection.run(call)
        for index in 0..<commands.count {
            guard let reply = call[index] else { throw RedisBatch.missing }
            // What has gone to another master meanwhile is met there.
            if let word = reply.errorWord, !["MOVED", "ASK", "TRYAGAIN"].contains(word) {
                throw TenancyError(redis: word)
            }
            if let bytes = reply.integer {
                usage.entries += 1
                usage.bytes += Int(bytes)
            }
        }
    }
}
