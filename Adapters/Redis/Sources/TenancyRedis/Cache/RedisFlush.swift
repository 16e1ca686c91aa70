import TenancyCore

/// Removes one tenant's values and leases, in steps of which each holds the server for some hundred names only.
struct RedisFlush {
    private let session: RedisSession
    private let keys: RedisKeys

    init(_ tenant: TenantID, in session: RedisSession) {
        self.session = session
        keys = RedisKeys(tenant, session.identity)
    }

    /// How many names the server looks at in one step.
    private static let step = 500

    /// - Returns: How many values were removed.
    func run() async throws(TenancyError) -> Int {
        var cursor = "0"
        var removed = 0
        repeat {
            var commands = CommandWriter()
            commands.begin("SCAN")
            commands.add(cursor)
            commands.add("MATCH")
            commands.add(keys.pattern)
            commands.add("COUNT")
            commands.add(Self.step)
            try commands.end()
            let call = RedisCall(commands)
            try await session.connection.run(call)
            if let word = call[0]?.errorWord { throw TenancyError(redis: word) }
            guard let next = call[0]?[0]?.text, let page = call[0]?[1] else { throw RedisBatch.missing }
            var found: [[UInt8]] = []
            for index in 0..<page.count { if let name = page[index]?.bytes { found.append(name) } }
            if !found.isEmpty { removed += try await remove(found) }
            cursor = next
        } while cursor != "0"
        return removed
    }

    private func remove(_ names: [[UInt8]]) async throws(TenancyError) -> Int {
        var removed = 0
        let current = names.filter { $0.starts(with: keys.prefix) }
        // What a former server has left is of no use to anybody, blocks included.
        let former = names.filter { !$0.starts(with: keys.prefix) }
        for attempt in 0..<3 {
            var commands = CommandWriter()
            if attempt > 0 { try commands.write("SCRIPT", "LOAD", RedisScript.flush.text) }
            let offset = commands.count
            if !current.isEmpty {
                commands.begin("EVALSHA")
                commands.add(session.scripts[.flush])
                commands.add(current.count)
                for name in current { commands.add(name) }
                try commands.end()
            }
            if !former.isEmpty {
                commands.begin("UNLINK")
                for name in former { commands.add(name) }
                try commands.end()
            }
            let call = RedisCall(commands)
            try await session.connection.run(call)
            if call[offset]?.errorWord == "NOSCRIPT" { continue }
            for index in offset..<commands.count {
                if let word = call[index]?.errorWord { throw TenancyError(redis: word) }
            }
            if !current.isEmpty { removed += Int(call[offset]?.integer ?? 0) }
            return removed
        }
        throw TenancyError(redis: "NOSCRIPT")
    }
}
