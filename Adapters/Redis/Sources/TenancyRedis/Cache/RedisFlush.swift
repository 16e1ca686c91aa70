import TenancyCore

/// Removes one tenant's values and leases from one server, in steps of which each holds it for some hundred names only.
struct RedisFlush {
    private let session: RedisSession
    private let keys: RedisKeys
    private let isOfCluster: Bool
    /// What the names of entries begin with that may still be of use.
    private let current: [[UInt8]]

    /// - Parameter masters: All masters of a cluster, whose entries may be on their way from one to another; `nil` if
    ///   there is one server.
    init(_ tenant: TenantID, in session: RedisSession, masters: [RedisSession]? = nil) {
        self.session = session
        keys = RedisKeys(tenant, session.identity)
        isOfCluster = masters != nil
        current = (masters ?? [session]).map { RedisKeys(tenant, $0.identity).prefix }
    }

    /// - Returns: How many values were removed.
    func run() async throws(TenancyError) -> Int {
        var cursor: String? = RedisScan.start
        var removed = 0
        while let position = cursor {
            let step = try await RedisScan.step(session, from: position, keys.pattern)
            if !step.names.isEmpty { removed += try await remove(step.names) }
            cursor = step.next
        }
        return removed
    }

    private func remove(_ names: [[UInt8]]) async throws(TenancyError) -> Int {
        let useful = names.filter { name in current.contains { name.starts(with: $0) } }
        // What a former server has left is of no use to anybody, blocks included.
        let former = names.filter { name in !current.contains { name.starts(with: $0) } }
        for attempt in 0..<3 {
            var commands = CommandWriter()
            if attempt > 0 { try commands.write("SCRIPT", "LOAD", RedisScript.flush.text) }
            let offset = commands.count
            // The names of one command have to be in one slot.
            for group in groups(useful) {
                if isOfCluster { try commands.write("ASKING") }
                commands.begin("EVALSHA")
                commands.add(session.scripts[.flush])
                commands.add(group.count)
                for name in group { commands.add(name) }
                try commands.end()
            }
            for group in groups(former) {
                if isOfCluster { try commands.write("ASKING") }
                commands.begin("UNLINK")
                for name in group { commands.add(name) }
                try commands.end()
            }
            let call = RedisCall(commands)
            try await session.connection.run(call)
            let replies = (offset..<commands.count).compactMap { call[$0] }
            let words = replies.compactMap(\.errorWord)
            if words.contains("NOSCRIPT") { continue }
            if let word = words.first { throw TenancyError(redis: word) }
            // The former names' replies stand last.
            return replies.dropLast(groups(former).count * (isOfCluster ? 2 : 1)).reduce(0) {
                $0 + Int($1.integer ?? 0)
            }
        }
        throw TenancyError(redis: "NOSCRIPT")
    }

    private func groups(_ names: [[UInt8]]) -> [[[UInt8]]] {
        if isOfCluster { return names.map { [$0] } }
        return names.isEmpty ? [] : [names]
    }
}
