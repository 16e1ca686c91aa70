import Tenancy
import TenancyCore
import TenancyPostgres
import TenancyTesting
import TestServers
import Testing

@Suite("PostgreSQL conforms", .serialized, .requires(.application))
struct PostgresConformanceTests {
    static let direct = DatabaseConformance(name: "PostgreSQL") {
        .postgres(try TestSchemas.shared.configuration())
    }
    static let isolation = IsolationSuite(name: "PostgreSQL") {
        .postgres(try TestSchemas.shared.configuration())
    }

    @Test(arguments: DatabaseConformance.cases)
    func conforms(_ testCase: DatabaseConformance.Case) async throws { try await Self.direct.check(testCase) }

    @Test(arguments: IsolationSuite.cases)
    func isolates(_ testCase: DatabaseConformance.Case) async throws { try await Self.isolation.check(testCase) }
}

@Suite("PostgreSQL conforms behind PgBouncer in transaction mode", .serialized, .requires(.pooler))
struct PooledConformanceTests {
    static let pooled = DatabaseConformance(name: "PgBouncer") {
        .postgres(try TestSchemas.shared.configuration(.pooler))
    }
    static let isolation = IsolationSuite(name: "PgBouncer") {
        .postgres(try TestSchemas.shared.configuration(.pooler))
    }

    @Test(arguments: DatabaseConformance.cases)
    func conforms(_ testCase: DatabaseConformance.Case) async throws { try await Self.pooled.check(testCase) }

    @Test(arguments: IsolationSuite.cases)
    func isolates(_ testCase: DatabaseConformance.Case) async throws { try await Self.isolation.check(testCase) }
}
