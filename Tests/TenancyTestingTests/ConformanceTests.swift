import Tenancy
import TenancyCore
import TenancyTesting
import Testing

@Suite("The database in memory conforms")
struct InMemoryConformanceTests {
    static let conformance = DatabaseConformance(name: "memory") { .inMemory() }

    @Test(arguments: DatabaseConformance.cases)
    func conforms(_ testCase: DatabaseConformance.Case) async throws {
        try await Self.conformance.check(testCase)
    }

    @Test("there are at least 150 cases, each of another name")
    func count() {
        #expect(DatabaseConformance.cases.count >= 150)
        #expect(Set(DatabaseConformance.cases.map(\.id)).count == DatabaseConformance.cases.count)
    }
}
