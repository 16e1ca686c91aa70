import Foundation
import Tenancy
import TenancyCore
import TenancyPostgres
import Testing

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

    @Test(
        "What is missing or contradictory is named, and no value shown",
        arguments: [
            ("  url: mysql://app:secretvalue@db/shop\n", ""), ("", "url"),
            ("  url: postgres://app@db/shop\n  migrationPassword: secretvalue\n", "migrationUser"),
            ("  url: postgres://app@db/shop\n  migrationUser: app\n", "migration"),
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
