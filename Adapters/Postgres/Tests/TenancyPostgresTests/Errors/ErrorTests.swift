import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: errors")
struct ErrorTests {
    @Test(
        "Each state has the meaning that a caller can act on",
        arguments: [
            ("23505", TenancyError.Code.uniqueViolation), ("23503", .foreignKeyViolation), ("23502", .notNullViolation),
            ("23514", .checkViolation), ("40001", .serializationFailure), ("40P01", .deadlock), ("57014", .timeout),
            ("25P03", .timeout), ("55P03", .locked), ("57P01", .unavailable), ("57P03", .unavailable),
            ("08006", .unavailable),
            ("53300", .unavailable), ("53100", .storageFull), ("25006", .readOnly), ("22003", .invalidValue),
            ("22P02", .invalidValue), ("22001", .valueTooLarge), ("54000", .valueTooLarge), ("42P01", .schemaConflict),
            ("0A000", .schemaConflict), ("28P01", .invalidConfiguration), ("3D000", .invalidConfiguration),
            ("42501", .invalidConfiguration), ("44000", .tenantMismatch), ("XX001", .corrupted),
            ("XX000", .backendFailure),
            ("25P02", .transactionClosed), ("26000", .backendFailure), ("", .unavailable), ("P0001", .backendFailure),
        ])
    func states(_ state: String, _ code: TenancyError.Code) {
        let error = TenancyError(ServerReport(state: state, constraint: "c"))
        #expect(error.code == code)
        #expect(error.details.backendCode == (state.isEmpty ? nil : state))
        #expect((error.details.constraint == "c") == state.hasPrefix("23"))
    }

    @Test(
        "A lost or refused connection is told apart without libpq's text",
        arguments: [
            ("FATAL:  password authentication failed for user \"hunter2\"", TenancyError.Code.invalidConfiguration),
            ("FATAL:  database \"hunter2\" does not exist", .invalidConfiguration),
            ("connection refused hunter2", .unavailable),
            ("FATAL:  the database system is starting up hunter2", .unavailable),
            ("server closed the connection unexpectedly hunter2", .unavailable),
            ("root certificate file hunter2 does not exist", .invalidConfiguration),
        ])
    func connections(_ message: String, _ code: TenancyError.Code) {
        let error = TenancyError(connection: message)
        #expect(error.code == code)
        #expect(!"\(error)".contains("hunter2"))
    }

    @Test("A refused record is named by field and constraint, never by its values", .requires(.application))
    func values() async throws {
        let entity = makeItem()
        let errors = try await Bench.with([entity]) { bench in
            let a = tenant("a")
            try bench.admin.execute(
                "ALTER TABLE \(bench.schema).items ADD CONSTRAINT small CHECK (number < 100)")
            let token = UUID()
            try bench.insert(entity, [item(1, "hunter2", token: token)], a)
            var raw = item(3, "hunter2")
            raw[9] = .null
            let huge = String((0..<9_000).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "x" })
            return [
                failure { try bench.insert(entity, [item(1, "hunter2")], a) },
                failure { try bench.insert(entity, [item(2, "hunter2", token: token)], a) },
                failure { try bench.insert(entity, [item(3, "hunter2", number: 100)], a) },
                failure { try bench.insert(entity, [raw], a) },
                failure { try bench.insert(entity, [item(4, "hunter2" + huge)], a) },
                failure { try bench.insert(entity, [item(5, "hunter2", amount: Decimal(1e18))], a) },
            ]
        }
        #expect(
            errors.map { $0?.code } == [
                .uniqueViolation, .uniqueViolation, .checkViolation, .notNullViolation, .valueTooLarge, .invalidValue,
            ])
        #expect(errors.map { $0?.details.field } == ["id", "token", nil, "number", nil, nil])
        #expect(errors[2]?.details.constraint == "small")
        for error in errors { #expect(error.map { !"\($0)".contains("hunter2") } == true) }
    }
}
