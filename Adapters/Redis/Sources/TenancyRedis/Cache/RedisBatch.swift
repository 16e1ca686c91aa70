import TenancyCore

/// One call's commands for one tenant on one session.
///
/// Commands that only read go out as plain reads. A look-up is one too as long as it finds a value; the first that does
/// not, and what comes after it, is then carried out by scripts.
struct RedisBatch {
    private let commands: [CacheCommand]
    private let session: RedisSession
    private let encoder: CommandEncoder
    private let prefix: [UInt8]

    init(
        _ commands: [CacheCommand], for tenant: TenantID, in session: RedisSession,
        _ configuration: RedisConfiguration
    ) {
        self.commands = commands
        self.session = session
        encoder = CommandEncoder(session, configuration)
        prefix = RedisKeys(tenant, session.identity).prefix
    }

    /// How many values one command asks for at most, so that no command holds the server for long.
    private static let maximumReads = 500

    func run() async throws(TenancyError) -> [CacheReply] {
        guard commands.allSatisfy(\.readsOnly) else { return try await runEach(from: 0) }
        let replies = commands.count == 1 ? [try await readOne()] : try await readMany()
        // A look-up that has found nothing takes a lease. What stands after it comes after it on the server too.
        guard let first = commands.indices.first(where: { commands[$0].isLookUp && replies[$0] == .absent }) else {
            return replies
        }
        return replies[..<first] + (try await runEach(from: first))
    }

    // MARK: Plain reads

    private func readOne() async throws(TenancyError) -> CacheReply {
        var writer = CommandWriter()
        writer.begin("GET")
        writer.add(prefix, commands[0].key.text)
        try writer.end()
        let call = RedisCall(writer)
        try await session.connection.run(call)
        guard let reply = call[0] else { throw Self.missing }
        // A lease or a block stands there, which is no string.
        if reply.errorWord == "WRONGTYPE" { return .absent }
        return try Self.value(reply)
    }

    private func readMany() async throws(TenancyError) -> [CacheReply] {
        var writer = CommandWriter()
        for start in stride(from: 0, to: commands.count, by: Self.maximumReads) {
            writer.begin("MGET")
            for command in commands[start...].prefix(Self.maximumReads) { writer.add(prefix, command.key.text) }
            try writer.end()
        }
        let call = RedisCall(writer)
        try await session.connection.run(call)
        var replies: [CacheReply] = []
        replies.reserveCapacity(commands.count)
        for position in commands.indices {
            guard let values = call[position / Self.maximumReads] else { throw Self.missing }
            if let word = values.errorWord { throw TenancyError(redis: word) }
            guard let reply = values[position % Self.maximumReads] else { throw Self.missing }
            replies.append(try Self.value(reply))
        }
        return replies
    }

    static func value(_ reply: RedisReply) throws(TenancyError) -> CacheReply {
        if reply.isNil { return .absent }
        if let word = reply.errorWord { throw TenancyError(redis: word) }
        guard let bytes = reply.bytes else { throw missing }
        return .value(bytes)
    }

    // MARK: Scripts

    private func runEach(from first: Int) async throws(TenancyError) -> [CacheReply] {
        let commands = commands[first...]
        var replies = [CacheReply?](repeating: nil, count: commands.count)
        var todo = Array(commands.indices)
        // A server whose scripts were flushed does nothing of what it does not know, which is then given again.
        for attempt in 0..<3 {
            var writer = CommandWriter()
            if attempt > 0 {
                for script in RedisScript.allCases { try writer.write("SCRIPT", "LOAD", script.text) }
            }
            let offset = writer.count
            for index in todo { try encoder.write(commands[index], prefix, to: &writer) }
            let call = RedisCall(writer)
            try await session.connection.run(call)
            var unknown: [Int] = []
            for (position, index) in todo.enumerated() {
                guard let reply = call[offset + position] else { throw Self.missing }
                if reply.errorWord == "NOSCRIPT" {
                    unknown.append(index)
                } else {
                    replies[index - first] = try commands[index].reply(reply)
                }
            }
            guard let start = unknown.first else { return replies.compactMap(\.self) }
            // What reads is done again too, so that it sees what stands before it in the batch.
            todo = todo.filter { index in
                unknown.contains(index) || index > start && commands[index].readsPlainly
            }
        }
        throw TenancyError(redis: "NOSCRIPT")
    }

    static var missing: TenancyError {
        TenancyError(.backendFailure, "A reply of the server is not of the form that its command has.")
    }
}
