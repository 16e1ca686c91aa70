import Tenancy
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: lanes that are lost", .serialized, .enabled(if: OwnServer.binaries != nil))
struct LaneTests {
    /// Gives the body a server of its own, an SDK on it with one record, and the SDK's lanes.
    private func withSDK(_ body: (OwnServer, TenantHandle, LaneSet) async throws -> Void) async throws {
        let servers = try await ReplicatedServers(replicas: 0)
        try await servers.withSDK(servers.configuration()) { sdk, adapter in
            try await sdk.tenants.create(tenant("UA"), name: "United")
            let handle = try await sdk.tenant(tenant("UA"))
            try await handle.create(Reading(id: 1, value: 1, note: "x"))
            let lanes = try #require(adapter.lanes)
            try await body(servers.primary, handle, lanes)
        }
    }

    @Test("A lane that was lost fails no read that comes after that")
    func killed() async throws {
        try await withSDK { server, handle, lanes in
            for _ in 0..<10 {
                let pipeline = try #require(lanes.pipeline(for: handle.id))
                try await server.texts("SELECT pg_terminate_backend(\(pipeline.link.processID))")
                let end = ContinuousClock.now + .seconds(10)
                while !pipeline.load.isLost, ContinuousClock.now < end { await Task.yield() }
                #expect(pipeline.load.isLost)
                // The first of these come before there is another.
                for _ in 0..<20 { #expect(try await handle.read(Reading.self, 1)?.value == 1) }
                #expect(await eventually { lanes.hasConnection })
            }
        }
    }

    @Test("However long the server was gone, reads, writes and lanes find it soon after it is back")
    func gone() async throws {
        try await withSDK { server, handle, lanes in
            try await blocking { try server.stop() }
            // Longer than it takes until pauses have grown to seconds.
            let end = ContinuousClock.now + .seconds(9)
            while ContinuousClock.now < end {
                let error = await failureOf { try await handle.read(Reading.self, 1) }
                #expect(error?.code == .unavailable)
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(!lanes.hasConnection)
            try await blocking { try server.start() }
            try await server.ready()
            let back = ContinuousClock.now
            try await server.texts("SELECT 1")
            let connecting = ContinuousClock.now - back
            #expect(await eventually { (try? await handle.read(Reading.self, 1)) != nil })
            #expect(await eventually { (try? await handle.update(Reading(id: 1, value: 2, note: "x"))) != nil })
            #expect(
                await eventually {
                    _ = try? await handle.read(Reading.self, 1)
                    return lanes.hasConnection
                })
            // The pauses that they make by themselves have grown to as much as 5 and 10 seconds.
            #expect(ContinuousClock.now - back < .seconds(2) + connecting * 20)
        }
    }
}
