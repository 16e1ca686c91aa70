import TenancyCore

/// What one witness, a node of a cluster or a sentinel, says of who is master of what.
struct MasterView: Sendable, Equatable {
    /// The witness's own id.
    let witness: String
    /// The masters.
    let tenures: [Tenure]
    /// By slot, the position of its master in ``tenures``, or ``nobody``. One slot only with sentinels.
    let owners: [UInt16]
    /// How many witnesses there are, dead ones included, as this one knows.
    let witnessCount: Int
    /// Where witnesses can be asked.
    let peers: [RedisEndpoint]

    static let nobody = UInt16.max

    /// Reads a node's reply to `CLUSTER NODES`.
    ///
    /// - Parameter asked: Where the node was asked, because it may not know its own address.
    init(clusterNodes text: String, asked: RedisEndpoint, usesNames: Bool) throws(TenancyError) {
        var (tenures, peers): ([Tenure], [RedisEndpoint]) = ([], [])
        var owners = [UInt16](repeating: Self.nobody, count: HashSlot.count)
        var (count, witness) = (0, "")
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 8, let number = UInt64(fields[6]) else { throw RedisBatch.missing }
            let flags = fields[2].split(separator: ",")
            // Neither is a member yet.
            if flags.contains("handshake") || flags.contains("noaddr") { continue }
            count += 1
            let isSelf = flags.contains("myself")
            if isSelf { witness = String(fields[0]) }
            guard let endpoint = Self.endpoint(fields[1], isSelf: isSelf, asked: asked, usesNames: usesNames) else {
                continue
            }
            peers.append(endpoint)
            let ranges = fields[8...].filter { $0.first != "[" }
            guard flags.contains("master"), !ranges.isEmpty else { continue }
            let position = UInt16(tenures.count)
            tenures.append(Tenure(node: String(fields[0]), endpoint: endpoint, number: number))
            for range in ranges {
                let ends = range.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last, 0 <= first, first <= last, last < HashSlot.count
                else { throw RedisBatch.missing }
                for slot in first...last { owners[slot] = position }
            }
        }
        guard !witness.isEmpty else { throw RedisBatch.missing }
        (self.witness, self.tenures, self.owners, self.peers) = (witness, tenures, owners, peers)
        witnessCount = count
    }

    init(
        witness: String, tenures: [Tenure], owners: [UInt16], witnessCount: Int, peers: [RedisEndpoint] = []
    ) {
        self.witness = witness
        self.tenures = tenures
        self.owners = owners
        self.witnessCount = witnessCount
        self.peers = peers
    }

    /// `ip:port@busport`, and since Redis 7 `,hostname`.
    private static func endpoint(
        _ text: Substring, isSelf: Bool, asked: RedisEndpoint, usesNames: Bool
    ) -> RedisEndpoint? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let address = parts[0].prefix { $0 != "@" }
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
            return nil
        }
        var host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        if host.isEmpty, isSelf { host = asked.host }
        if usesNames, parts.count > 1, !parts[1].isEmpty, !parts[1].contains("=") { host = String(parts[1]) }
        return host.isEmpty || port == 0 ? nil : RedisEndpoint(host: host, port: port)
    }
}
