public import TenancyCore

extension RedisConfiguration {
    /// How many servers there are, and who knows which of them is to be used.
    public struct Topology: Sendable {
        enum Kind: Sendable {
            case single
            case cluster([RedisEndpoint])
            case sentinel([RedisEndpoint], master: String)
        }

        let kind: Kind
        private(set) var sentinelUser: String?
        private(set) var sentinelPassword: Secret?

        /// One server, at ``RedisConfiguration/host`` and ``RedisConfiguration/port``.
        public static let single = Topology(kind: .single)

        /// A Redis Cluster. What is stored is spread over its masters.
        ///
        /// - Parameter nodes: Some of the nodes, by which the others are found. Name enough that not all of them are
        ///   away at the same time.
        public static func cluster(_ nodes: [RedisEndpoint]) -> Topology { Topology(kind: .cluster(nodes)) }

        /// A master that sentinels watch, and whoever takes over from it. Redis 6.2 or newer.
        ///
        /// - Parameters:
        ///   - sentinels: Some of the sentinels, by which the others are found.
        ///   - master: The name by which the sentinels know it.
        ///   - user: The sentinels' ACL user; `nil` for their default user. The account of the master is that of the
        ///     ``RedisConfiguration``.
        ///   - password: The password for the sentinels; `nil` if they ask for none.
        public static func sentinel(
            _ sentinels: [RedisEndpoint], master: String, user: String? = nil, password: Secret? = nil
        ) -> Topology {
            Topology(kind: .sentinel(sentinels, master: master), sentinelUser: user, sentinelPassword: password)
        }

        var isSingle: Bool { if case .single = kind { true } else { false } }
        var isCluster: Bool { if case .cluster = kind { true } else { false } }

        var nodes: [RedisEndpoint]? { if case .cluster(let nodes) = kind { nodes } else { nil } }
        var sentinels: [RedisEndpoint]? { if case .sentinel(let sentinels, _) = kind { sentinels } else { nil } }
        var master: String? { if case .sentinel(_, let master) = kind { master } else { nil } }

        /// What is wrong with it, if anything.
        var problem: String? {
            let endpoints: [RedisEndpoint]
            switch kind {
            case .single: return nil
            case .cluster(let nodes): endpoints = nodes
            case .sentinel(let sentinels, let master):
                endpoints = sentinels
                // As the sentinels take it.
                if master.isEmpty || !master.utf8.allSatisfy({ (33...126).contains($0) }) {
                    return "The master's name (master) is missing, or holds something else than printable ASCII."
                }
                if sentinelUser != nil, sentinelPassword == nil {
                    return "sentinelUser is set without sentinelPassword."
                }
            }
            if endpoints.isEmpty { return "hosts is empty." }
            for endpoint in endpoints {
                if endpoint.host.isEmpty || endpoint.host.utf8.contains(0) { return "A host of hosts has no name." }
                if !(1...65_535).contains(endpoint.port) { return "A port of hosts is not in 1…65535." }
            }
            return nil
        }
    }
}
