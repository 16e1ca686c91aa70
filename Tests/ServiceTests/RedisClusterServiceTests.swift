import TestServers
import Testing

@Suite("Redis Cluster", .requires(.redisCluster))
struct RedisClusterServiceTests {
    @Test("A node that does not have a key's slot names the one that has, and that one takes the write")
    func redirection() async throws {
        let endpoints = try TestServer.redisCluster.endpoints()
        let outcome = try await blocking {
            let first = try #require(endpoints.first)
            let connection = try RedisConnection(first)
            let prefix = uniqueName("service-test")
            // Each of the three masters has a third of the slots, so that the
            // chance of this many keys being all the first one's is nil.
            for number in 0..<64 {
                let key = "\(prefix):\(number)"
                let answer = try connection.send("SET", key, "moved", "EX", "60")
                guard let error = answer.error else {
                    try connection.send("DEL", key)
                    continue
                }
                // MOVED <slot> <host>:<port>
                let words = error.split(separator: " ")
                let target = words.last?.split(separator: ":") ?? []
                guard words.first == "MOVED", target.count == 2, let port = Int(target[1]) else {
                    throw ServerFailure(error)
                }
                let owner = try RedisConnection(first.moved(toHost: String(target[0]), port: port))
                let written = try owner.send("SET", key, "moved", "EX", "60")
                let read = try owner.send("GET", key)
                try owner.send("DEL", key)
                return (port: port, written: written, read: read)
            }
            throw ServerFailure("no key was anywhere else")
        }
        #expect(endpoints.dropFirst().map(\.port).contains(outcome.port))
        #expect(outcome.written == .text("OK"))
        #expect(outcome.read == .text("moved"))
    }

    @Test("Three masters share all slots, and each has a replica")
    func topology() async throws {
        let endpoints = try TestServer.redisCluster.endpoints()
        let nodes = try await blocking {
            try RedisConnection(#require(endpoints.first)).send("CLUSTER", "NODES").text ?? ""
        }
        let roles = nodes.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst(2).first }
        #expect(roles.count { $0.contains("master") } == 3)
        #expect(roles.count { $0.contains("slave") } == 3)
    }
}
