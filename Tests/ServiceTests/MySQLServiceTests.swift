import TestServers
import Testing

@Suite("MySQL", .requires(.mysql))
struct MySQLServiceTests {
    @Test("The application logs in by caching_sha2_password, writes, and reads what it wrote")
    func roundTrip() async throws {
        let app = try TestServer.mysql.endpoint()
        let admin = try TestServer.mysqlAdmin.endpoint()
        let authority = try TestServer.certificateAuthority()
        let report = try await blocking {
            try MySQLFamilyReport.gather(app: app, admin: admin, authority: authority)
        }
        #expect(report.version.hasPrefix("9."))
        #expect(!report.version.contains("MariaDB"))
        #expect(report.authentication == "caching_sha2_password")
        #expect(report.rows == [["1", "grüße"]])
        #expect(report.tooLong?.code == "1406", "strict mode refuses what does not fit")
        #expect(report.foreignDatabase?.code == "1142", "the application has no right elsewhere")
        #expect(!report.cipher.isEmpty)
    }
}
