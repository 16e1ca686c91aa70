import Foundation
import TenancyCore
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: configuration")
struct ConfigurationTests {
    @Test("An address is taken apart")
    func url() throws {
        let configuration = try PostgresConfiguration(
            url: "postgresql://app%40x:p%3Ass%2Fw@h1:5433,[::1],%2Frun%2Fpg:6000/shop%20db?sslmode=verify-full"
                + "&sslrootcert=/ca.pem&application_name=web&connect_timeout=7&keepalives_idle=11&keepalives_count=4"
                + "&tcp_user_timeout=0&statement_timeout=250&lock_timeout=0&schema=app&pooling=transaction&pool_min=1"
                + "&pool_max=4&lanes=3&replicas=r1:5440,r2&maximum_replica_lag=1500&transaction_timeout=9000")
        #expect(configuration.hosts == [.init("h1", port: 5433), .init("::1"), .init("/run/pg", port: 6000)])
        #expect(configuration.database == "shop db")
        #expect(configuration.user == "app@x")
        #expect(configuration.password == Secret("p:ss/w"))
        #expect(configuration.tls == .verifyFull(authorityFile: "/ca.pem"))
        #expect(configuration.applicationName == "web")
        #expect(configuration.connectTimeout == .seconds(7))
        #expect(configuration.keepalives.unacknowledged == nil)
        #expect(configuration.statementTimeout == .milliseconds(250))
        #expect(configuration.lockTimeout == nil)
        #expect(configuration.transactionTimeout == .seconds(9))
        #expect(configuration.schema == "app")
        #expect(configuration.pooling == .transaction)
        #expect(configuration.pool.minimum == 1 && configuration.pool.maximum == 4 && configuration.lanes == 3)
        #expect(configuration.replicas == [.init(.init("r1", port: 5440)), .init(.init("r2"))])
        #expect(configuration.maximumReplicaLag == .milliseconds(1_500))
    }

    @Test(
        "What is unknown, missing or out of range is named, and no value is shown",
        arguments: [
            ("postgres://u:hunter2@h/d?sslmod=require&foo=hunter2", "sslmod, foo"),
            ("postgres://u:hunter2@h/d?sslmode=hunter2", "sslmode"), ("mysql://u:hunter2@h/d", "postgres://"),
            ("postgres://u:hunter2@h:99999/d", "port"), ("postgres://u:hunter2@/d", "host"),
            ("postgres://u:hunter2@h/", "database"), ("postgres://:hunter2@h/d", "user"),
            ("postgres://u:hunter2@h/d?lanes=0", "lanes"), ("postgres://u:hunter2@h/d?pool_max=-1", "pool_max"),
            ("postgres://u:hunter2%@h/d", "%"), ("postgres://u:hunter2%+1@h/d", "%"),
            ("postgres://u:hunter2@[::1/d", "["),
            ("postgres://u:hunter2@h/d?lanes=1&lanes=2", "lanes"), ("postgres://u:hunter2@h/d?lanes", "value"),
            ("postgres://u:hunter2@h/d?schema=pg_catalog", "schema"), ("postgres://u:hunter2@h/d#hunter2", "#"),
            ("postgres://u:hunter2%00@h/d", "text"), ("postgres://u:hunter2@h,/d", "host"),
            ("postgres://u:hunter2@h/d?pooling=hunter2", "pooling"),
            ("postgres://u:hunter2@h/d?statement_timeout=1s", "statement_timeout"),
        ])
    func refused(_ url: String, _ names: String) {
        let error = failure { _ = try PostgresConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(names) == true, "\(String(describing: error))")
        #expect(error.map { !"\($0)\(String(reflecting: $0))".contains("hunter2") } == true)
    }

    @Test("No rendering of a configuration or of what libpq is given shows a password")
    func secrets() throws {
        var configuration = try PostgresConfiguration(url: "postgres://u:hunter2@h/d")
        configuration.migration = .init(user: "owner", password: Secret("hunter2"))
        let parameters = [ConnectionParameters.Purpose.tenants, .migration].map {
            ConnectionParameters(configuration, for: $0)
        }
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(parameters, to: &dumped)
        dumped += "\(configuration)\(String(reflecting: configuration))\(parameters)\(String(reflecting: parameters))"
        #expect(!dumped.contains("hunter2"))
        #expect(parameters[0]?["password"] == Secret("hunter2"))
        #expect(parameters[1]?["user"]?.reveal() == "owner")
    }

    @Test("libpq is given each setting by itself; a pooler in transaction mode gets none of the session's")
    func parameters() throws {
        var configuration = PostgresConfiguration(
            host: "h", database: "d' user=root", user: "u", password: Secret("a b'c\\"))
        configuration.tls = .verifyAuthority(authorityFile: "/ca")
        func value(_ name: String, _ purpose: ConnectionParameters.Purpose = .tenants) -> String? {
            ConnectionParameters(configuration, for: purpose)?[name]?.reveal()
        }
        #expect(value("dbname") == "d' user=root")
        #expect(value("password") == "a b'c\\")
        #expect(value("sslmode") == "verify-ca" && value("sslrootcert") == "/ca")
        #expect(value("options")?.contains("statement_timeout=30000") == true)
        #expect(value("target_session_attrs") == nil)
        #expect(ConnectionParameters(configuration, for: .migration).map { _ in true } == nil)
        configuration.pooling = .transaction
        #expect(value("options") == nil)
        configuration.hosts.append(.init("h2", port: 1))
        #expect(value("host") == "h,h2" && value("port") == "5432,1" && value("target_session_attrs") == "read-write")
        #expect(value("host", .replica(.init(.init("r")))) == "r")
        #expect(value("target_session_attrs", .replica(.init(.init("r")))) == nil)
    }
}
