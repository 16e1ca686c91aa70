import Foundation
import Tenancy
import TenancyCore
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL in a configuration file")
struct SchemeTests {
    private func load(_ text: String) async throws -> SDKConfig {
        let file = FileManager.default.temporaryDirectory.appending(path: "tenancy-\(UUID()).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await SDKConfig.load(
            entities: [], databases: [.postgres, .supabase], from: file.path, environment: [:])
    }

    @Test("An address is enough, and what stands beside it counts more")
    func accepted() async throws {
        let plain = try await load("database:\n  kind: postgres\n  url: postgres://app@db/shop\n")
        #expect(plain.database.name == "postgres")
        let supabase = try await load(
            """
            database:
              kind: supabase
              url: postgres://app:secret@pooler:6543/postgres
              migrationUser: owner
              migrationPassword: hidden
              claim: org_id
            """)
        #expect(supabase.database.name == "supabase")
    }

    @Test("Replicas are hosts or whole addresses, and count instead of those of the address")
    func replicas() throws {
        let configuration = try DatabaseScheme.configuration(
            Settings([
                "url": .secret(Secret("postgres://app:x@db/shop?replicas=r0&maximum_replica_lag=100")),
                "replicas": .secret(Secret("r1:5433, postgres://app:x@r2:1/shop,postgresql://[::1]")),
                "maximumReplicaLag": .duration(.seconds(7)),
            ]))
        #expect(configuration.replicas.map(\.host) == [.init("r1", port: 5_433), .init("r2", port: 1), .init("::1")])
        #expect(configuration.maximumReplicaLag == .seconds(7))
        let plain = try DatabaseScheme.configuration(
            Settings(["url": .secret(Secret("postgres://app@db/shop?replicas=r0,r1:2&maximum_replica_lag=100"))]))
        #expect(plain.replicas.map(\.host) == [.init("r0"), .init("r1", port: 2)])
        #expect(plain.maximumReplicaLag == .milliseconds(100))
    }

    @Test(
        "What is missing or contradictory is named, and no value shown",
        arguments: [
            ("  url: mysql://app:secretvalue@db/shop\n", ""), ("", "url"),
            ("  url: postgres://app@db/shop\n  migrationPassword: secretvalue\n", "migrationUser"),
            ("  url: postgres://app@db/shop\n  migrationUser: app\n", "migration"),
            ("  url: postgres://app@db/shop\n  replicas: \"r1,secretvalue:0\"\n", "replicas"),
            ("  url: postgres://app@db/shop\n  replicas: r1,\n", "replicas"),
            ("  url: postgres://app@db/shop\n  replicas: mysql://secretvalue\n", "replicas"),
            ("  url: postgres://app@db/shop\n  replicas: postgres://secretvalue@r1/shop\n", "replicas"),
            ("  url: postgres://app:x@db/shop\n  replicas: postgres://app:secretvalue@r1/shop\n", "replicas"),
            ("  url: postgres://app@db/shop\n  replicas: postgres://r1/secretvalue\n", "replicas"),
            ("  url: postgres://app@db/shop\n  replicas: postgres://r1/shop?lanes=1\n", "replicas"),
            ("  url: postgres://app@db/shop\n  maximumReplicaLag: 2h\n", "maximumReplicaLag"),
            ("  url: postgres://app@db/shop?secretvalue=1&lanes=x\n", ""),
        ])
    func refused(_ keys: String, _ named: String) async {
        await #expect {
            _ = try await load("database:\n  kind: postgres\n" + keys)
        } throws: { error in
            guard let error = error as? TenancyError else { return false }
            return error.code == .invalidConfiguration && (named.isEmpty || "\(error)".contains(named))
                && (keys.contains("?") || !"\(error)".contains("secretvalue"))
        }
    }
}
