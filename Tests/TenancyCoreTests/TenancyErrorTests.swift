import TenancyCore
import Testing

@Suite("Errors")
struct TenancyErrorTests {
    private enum Outcome {
        case failed(TenancyError)
        case maybe(TenancyError?)
    }

    private struct Foreign: Error { let value = "4111-1111" }

    private var error: TenancyError {
        get throws {
            TenancyError(
                .uniqueViolation, "Another record has a value that must be unique.",
                details: .init(
                    tenant: try TenantID("UA"), entity: "flights", field: "number", constraint: "flights_number",
                    row: 3,
                    backendCode: "23505"))
        }
    }

    @Test("A rendering has code, message, place and hint on one line")
    func rendering() throws {
        let text = """
            [uniqueViolation] Another record has a value that must be unique. (tenant: UA, entity: flights, \
            field: number, constraint: flights_number, row: 3, backend: 23505) Hint: Use another key or value, or upsert.
            """
        #expect("\(try error)" == text)
        #expect(String(reflecting: try error) == text)
    }

    @Test("Inside an enumeration, an optional or a dump it renders the same")
    func nested() throws {
        let error = try error
        let text = error.description
        for outcome in [Outcome.failed(error), .maybe(error)] {
            #expect("\(outcome)".contains(text))
            var dumped = ""
            dump(outcome, to: &dumped)
            #expect(dumped.contains(text))
            #expect(!dumped.contains("Storage"))
        }
        #expect(String(describing: Optional(error)).contains(text))
        #expect("\([error])".contains(text))
        #expect(Mirror(reflecting: error).children.isEmpty)
    }

    @Test("A copy with details keeps everything else")
    func details() throws {
        let changed = try error.with { $0.row = nil }
        #expect(changed.code == .uniqueViolation)
        #expect(changed.details.row == nil)
        #expect(changed.details.field == "number")
        #expect(changed.hint == (try error).hint)
        #expect(changed.message == (try error).message)
    }

    @Test("A foreign error is named by its type and its content left out")
    func wrapping() throws {
        let wrapped = TenancyError.wrap(Foreign(), as: .unavailable)
        #expect(wrapped.code == .unavailable)
        #expect(wrapped.description.contains("Foreign"))
        #expect(!wrapped.description.contains("4111"))
        #expect(TenancyError.wrap(CancellationError()).code == .cancelled)
        #expect(TenancyError.wrap(try error).code == .uniqueViolation)
    }

    @Test("What may succeed unchanged is retryable, and nothing else")
    func retryable() {
        let retryable: [TenancyError.Code] = [
            .serializationFailure, .deadlock, .timeout, .unavailable, .locked, .cacheUnavailable, .sinkUnavailable,
        ]
        for code in retryable { #expect(TenancyError(code, "").isRetryable) }
        let final: [TenancyError.Code] = [
            .tenantMismatch, .uniqueViolation, .cancelled, .invalidValue, .staleVersion, .shutDown, .storageFull,
        ]
        for code in final { #expect(!TenancyError(code, "").isRetryable) }
    }

    @Test("An error is one word wide")
    func size() { #expect(MemoryLayout<TenancyError>.size == MemoryLayout<Int>.size) }
}
