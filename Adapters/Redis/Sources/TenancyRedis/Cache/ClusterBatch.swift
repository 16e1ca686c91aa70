import TenancyCore

/// One call's commands for one tenant in a cluster: split by the masters that have the entries' slots, sent to all of
/// them at once, and gathered.
///
/// Commands on one key stay in order; those on several have none between them that anybody could tell.
struct ClusterBatch {
    private let commands: [CacheCommand]
    private let tenant: TenantID
    private let lane: MasterLane
    private let configuration: RedisConfiguration
    private var targets: [Target] = []
    private var replies: [CacheReply?]

    private struct Target {
        let route: MasterLane.Route
        /// What the entry's name begins with.
        let prefix: [UInt8]
        /// The master to which the slot is being moved, once it was said that the key is there.
        var asking: RedisSession?
    }

    private struct Part {
        let session: RedisSession
        var writer = CommandWriter()
        /// Commands, and where their replies are.
        var places: [(index: Int, reply: Int)] = []
        var call: RedisCall?
    }

    init(
        _ commands: [CacheCommand], for tenant: TenantID, in lane: MasterLane, _ configuration: RedisConfiguration
    ) {
        self.commands = commands
        self.tenant = tenant
        self.lane = lane
        self.configuration = configuration
        replies = .init(repeating: nil, count: commands.count)
    }

    /// How often what was redirected, or not known, is sent again.
    private static let attempts = 5

    mutating func run() async throws(TenancyError) -> [CacheReply] {
        for command in commands {
            let tag = HashSlot.Tag(tenant, command.key)
            let route = try lane.route(to: tag.slot)
            targets.append(
                Target(route: route, prefix: RedisKeys(tenant, route.session.identity).prefix(tag), asking: nil))
        }
        var todo = Array(commands.indices)
        if commands.allSatisfy(\.readsOnly) {
            try await carryOut(todo, plainly: true)
            // A look-up that has found nothing takes a lease.
            todo = todo.filter { commands[$0].isLookUp && replies[$0] == .absent }
        }
        if !todo.isEmpty { try await carryOut(todo, plainly: false) }
        return replies.compactMap(\.self)
    }

    private mutating func carryOut(_ indices: [Int], plainly: Bool) async throws(TenancyError) {
        var todo = indices
        var isLoading = false
        for _ in 0..<Self.attempts {
            let parts = try await exchange(todo, plainly: plainly, loading: isLoading)
            isLoading = false
            var again: Set<Int> = []
            for part in parts {
                for (index, place) in part.places {
                    guard let reply = part.call?[place] else { throw RedisBatch.missing }
                    if try isToBeRepeated(index, reply, loading: &isLoading) {
                        again.insert(index)
                    } else {
                        replies[index] = plainly ? try plainReply(reply) : try commands[index].reply(reply)
                    }
                }
            }
            guard let start = again.min() else { return }
            // What reads is done again too, so that it sees what stands before it in the batch.
            todo = todo.filter { again.contains($0) || $0 > start && commands[$0].readsPlainly }
        }
        throw TenancyError(
            .unavailable, "The cluster redirected a command too often.",
            hint: "Look for slots that are being moved, and for nodes that know different masters.",
            details: .init(backendCode: "redirections"))
    }

    private func plainReply(_ reply: RedisReply) throws(TenancyError) -> CacheReply {
        // A lease or a block stands there, which is no string.
        reply.errorWord == "WRONGTYPE" ? .absent : try RedisBatch.value(reply)
    }

    /// Whether the command was not carried out and is to be sent again, perhaps somewhere else.
    private mutating func isToBeRepeated(
        _ index: Int, _ reply: RedisReply, loading: inout Bool
    ) throws(TenancyError) -> Bool {
        guard let word = reply.errorWord else { return false }
        if word == "NOSCRIPT" {
            loading = true
            return true
        }
        guard let redirection = reply.redirection else {
            if word == "CLUSTERDOWN" || word == "READONLY" { lane.watch.refresh() }
            return false
        }
        // The slot has another master, and what is stored there under this epoch may be an older copy. Only a master that
        // is still moving the slot says where the very same entries are.
        guard redirection.isForOnce else {
            lane.watch.refresh()
            throw TenancyError(redis: word)
        }
        targets[index].asking = try lane.session(host: redirection.host, port: redirection.port)
        return true
    }

    /// Sends commands to the masters that have them, and waits for all.
    private func exchange(_ todo: [Int], plainly: Bool, loading: Bool) async throws(TenancyError) -> [Part] {
        var parts: [Part] = []
        for index in todo {
            let target = targets[index]
            let session = target.asking ?? target.route.session
            var position = parts.count
            if let known = parts.firstIndex(where: { $0.session === session }) {
                position = known
            } else {
                parts.append(Part(session: session))
                if loading {
                    for script in RedisScript.allCases {
                        try parts[position].writer.write("SCRIPT", "LOAD", script.text)
                    }
                }
            }
            if target.asking != nil { try parts[position].writer.write("ASKING") }
            parts[position].places.append((index, parts[position].writer.count))
            if plainly {
                parts[position].writer.begin("GET")
                parts[position].writer.add(target.prefix, commands[index].key.text)
                try parts[position].writer.end()
            } else {
                try CommandEncoder(session, configuration).write(
                    commands[index], target.prefix, to: &parts[position].writer)
            }
        }
        for position in parts.indices {
            let call = RedisCall(parts[position].writer)
            parts[position].call = call
            parts[position].session.connection.submit(call)
        }
        for part in parts { try await part.call?.wait() }
        for index in todo { try lane.confirm(targets[index].route) }
        return parts
    }
}
