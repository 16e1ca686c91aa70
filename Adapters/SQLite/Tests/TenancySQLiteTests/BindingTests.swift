import GRDBSQLite
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct BindingTests {
    @Test("A statement with a binding that failed does not run with what was bound before")
    func failure() async throws {
        let bench = try await Bench()
        let connection = try #require(try bench.adapter.started().store.shared?.lane.connection)
        try await connection.runToTheEnd { connection in
            let statement = try connection.compile(CompiledSQL(text: "SELECT ?1", sources: []), nil)
            statement.bind("one tenant", at: 1)
            #expect(statement.step() == SQLITE_ROW)
            statement.rewind()
            let limit = sqlite3_limit(connection.handle, SQLITE_LIMIT_LENGTH, 100)
            statement.bind(String(repeating: "x", count: 101), at: 1)
            statement.bind(1 as Int64, at: 2)
            sqlite3_limit(connection.handle, SQLITE_LIMIT_LENGTH, limit)
            #expect(statement.step() == SQLITE_TOOBIG)
            #expect(statement.step() == SQLITE_TOOBIG)
            #expect(connection.failure(SQLITE_TOOBIG).code == .valueTooLarge)
            statement.rewind()
            #expect(statement.step() == SQLITE_ROW)
            #expect(sqlite3_column_type(statement.pointer, 0) == SQLITE_NULL)
            statement.rewind()
            statement.bind("another", at: 1)
            #expect(statement.step() == SQLITE_ROW)
            #expect(sqlite3_column_type(statement.pointer, 0) == SQLITE_TEXT)
        }
        await bench.shutDown()
    }
}
