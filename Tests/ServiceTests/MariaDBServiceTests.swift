import TestServers
import Testing

@Suite("MariaDB", .requires(.mariadb))
struct MariaDBServiceTests {
    @Test("The application logs in, writes, and reads what it wrote")
    func roundTrip() async throws {
        let app = try TestServer.mariadb.endpoint()
        let admin = try TestServer.mariadbAdmin.endpoint()
        let authority = try TestServer.certificateAuthority()
        let report = try await blocking {
            try MySQLFamilyReport.gather(app: app, admin: admin, authority: authority)
        }
        #expect(report.version.contains("MariaDB"))
        #expect(report.rows == [["1", "grüße"]])
        #expect(report.tooLong?.code == "1406", "strict mode refuses what does not fit")
        #expect(report.foreignDatabase?.code == "1142", "the application has no right elsewhere")
        #expect(!report.cipher.isEmpty)
    }
}
