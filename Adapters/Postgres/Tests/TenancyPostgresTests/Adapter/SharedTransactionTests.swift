import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

/// Short reads that were sent in one turn share a transaction on the server.
@Suite("Reads that share a transaction", .requires(.application))
struct SharedTransactionTests {
    /// Runs a body with a connection whose reactor nobody else uses.
    private func withPipeline(
        keepsStatements: Bool = true, _ body: (Pipeline) async throws -> Void
    ) async throws {
        let reactors = try ReactorGroup(name: "shared", count: 1)
        let configuration = try TestSchemas.shared.configuration()
        let source = PipelineSource(
            links: LinkFactory(configuration), reactors: reactors, maximumStatements: 16,
            keepsStatements: keepsStatements)
        let pipeline = try await source.open(on: reactors.next())
        do { try await body(pipeline) } catch {
            await source.close(pipeline)
            await reactors.stop()
            throw error
        }
        await source.close(pipeline)
        await reactors.stop()
    }

    private static let tables = ["one", "other"].map { name in
        TablePlan(EntitySchema(name, Row.init(id:), .key("id", \.id)).description, schema: "shared")
    }

    private struct Row: Entity {
        var id: Int64
        static let schema = EntitySchema("rows", Row.init(id:), .key("id", \.id))
    }

    private static let question = CompiledStatement(
        "SELECT current_setting('app.tenant_id', true), now()::text, (12 / $1)::text", types: [.int8])

    /// A read on a tenant's behalf: the tenant as the server knows it, its transaction's time, and 12 divided.
    private func read(
        _ tenant: String, dividedBy divisor: Int64, of table: Int? = 0, by question: CompiledStatement = question,
        isRepeatable: Bool = true
    ) throws -> Exchange {
        var parameters = ParameterBuffer(capacity: 1)
        parameters.append(integer: divisor)
        return Exchange(
            [
                Command(Isolation.tenantSetting.binding(try TenantID(tenant)), isKept: false),
                Command(BoundStatement(statement: question, parameters: parameters)),
            ], loss: .harmless, isRepeatable: isRepeatable, sharing: table.map { Self.tables[$0] })
    }

    /// Submits all in one turn of the reactor.
    private func submit(_ exchanges: [Exchange], to pipeline: Pipeline) async {
        await withCheckedContinuation { continuation in
            pipeline.reactor.execute {
                for exchange in exchanges { pipeline.submit(exchange) }
                continuation.resume()
            }
        }
    }

    private func texts(_ exchange: Exchange) async throws -> [String] {
        let rows = try await exchange.answer.value().checked().rows()
        return try (0..<3).map { try rows.string(0, $0) }
    }

    @Test("Each is answered for its own tenant, and many share a transaction", arguments: [true, false])
    func tenants(keepsStatements: Bool) async throws {
        try await withPipeline(keepsStatements: keepsStatements) { pipeline in
            for _ in 0..<20 {
                let reads = try (1...40).map { try read("tenant-\($0)", dividedBy: $0) }
                await submit(reads, to: pipeline)
                var moments: Set<String> = []
                for (index, exchange) in reads.enumerated() {
                    let answer = try await texts(exchange)
                    #expect(answer[0] == "tenant-\(index + 1)" && answer[2] == "\(12 / (index + 1))")
                    moments.insert(answer[1])
                }
                #expect(moments.count == 3)
            }
        }
    }

    @Test(
        "The failure of one is its own; those behind it in the transaction are asked again", arguments: [true, false])
    func failures(keepsStatements: Bool) async throws {
        try await withPipeline(keepsStatements: keepsStatements) { pipeline in
            for failing in [[0], [7], [15], [16], [39], [3, 4, 20], Array(0..<40)] {
                let reads = try (0..<40).map { try read("t\($0)", dividedBy: failing.contains($0) ? 0 : 3) }
                await submit(reads, to: pipeline)
                for (index, exchange) in reads.enumerated() {
                    if failing.contains(index) {
                        await #expect(throws: TenancyError.self) { try await texts(exchange) }
                    } else {
                        let answer = try await texts(exchange)
                        #expect(answer[0] == "t\(index)" && answer[2] == "4")
                    }
                }
            }
            #expect(pipeline.load.count == 0)
        }
    }

    @Test("A statement that was to be prepared in a transaction that failed fails nobody who sends it meanwhile")
    func unprepared() async throws {
        try await withPipeline { pipeline in
            for failing in [[0], [0, 16, 32], [1, 17], [15, 16]] {
                let question = CompiledStatement(Self.question.text, types: [.int8])
                let reads = try (0..<48).map { index in
                    let isFailing = failing.contains(index)
                    return try read(
                        "t\(index)", dividedBy: isFailing ? 0 : 3, by: isFailing ? Self.question : question,
                        isRepeatable: false)
                }
                await submit(reads, to: pipeline)
                for (index, exchange) in reads.enumerated() where !failing.contains(index) {
                    let answer = try await texts(exchange)
                    #expect(answer[0] == "t\(index)" && answer[2] == "4")
                }
            }
        }
    }

    @Test("The server keeps as many statements as the connection does, whatever fails", .timeLimit(.minutes(1)))
    func bounded() async throws {
        try await withPipeline { pipeline in
            let questions = (0..<40).map { _ in CompiledStatement(Self.question.text, types: [.int8]) }
            for round in 0..<60 {
                let reads = try (0..<24).map { index in
                    let question = questions[index % 3 == 0 ? (round * 7 + index) % 40 : index % 7]
                    return try read("t", dividedBy: (round + index) % 11 == 0 ? 0 : 3, by: question)
                }
                await submit(reads, to: pipeline)
                for exchange in reads { _ = try? await texts(exchange) }
            }
            // What is dropped is dropped behind what is sent next.
            await submit([try read("t", dividedBy: 1)], to: pipeline)
            let count = Exchange(
                [Command(text: "SELECT count(*) FROM pg_prepared_statements", isKept: true)], loss: .harmless)
            await submit([count], to: pipeline)
            #expect(try await count.answer.value().checked().rows().int64(0, 0) <= 16)
        }
    }

    @Test("What is no short read shares with none")
    func others() async throws {
        try await withPipeline { pipeline in
            let reads = try (0..<9).map { try read("t\($0)", dividedBy: $0 == 4 ? 0 : 1, of: $0 % 2 == 1 ? 0 : nil) }
            await submit(reads, to: pipeline)
            var moments: Set<String> = []
            for (index, exchange) in reads.enumerated() where index != 4 {
                let answer = try await texts(exchange)
                #expect(answer[0] == "t\(index)")
                moments.insert(answer[1])
            }
            #expect(moments.count == 8)
            await #expect(throws: TenancyError.self) { try await texts(reads[4]) }
        }
    }

    @Test("A connection that is lost in the middle fails all that was not answered, once each")
    func loss() async throws {
        try await withPipeline { pipeline in
            let reads = try (0..<40).map { try read("t\($0)", dividedBy: 1) }
            let end = Exchange([Command(text: "SELECT pg_terminate_backend(pg_backend_pid())")], loss: .harmless)
            await submit(reads.prefix(10) + [end] + reads.suffix(30), to: pipeline)
            for exchange in reads.prefix(10) { _ = try await texts(exchange) }
            for exchange in reads.suffix(30) {
                let error = await #expect(throws: TenancyError.self) { try await texts(exchange) }
                #expect(error?.code == .unavailable)
            }
            #expect(pipeline.load.count == 0)
        }
    }

    @Test("Reads of different tables share nothing: a transaction keeps the locks of its tables")
    func tables() async throws {
        try await withPipeline { pipeline in
            let reads = try (0..<12).map { try read("t\($0)", dividedBy: 1, of: $0 / 3 % 2) }
            await submit(reads, to: pipeline)
            var moments: [String] = []
            for exchange in reads { moments.append(try await texts(exchange)[1]) }
            #expect(Set(moments).count == 4)
        }
    }

    /// Two rows with one value, which a constraint refuses when the transaction ends.
    private func refusedAtTheEnd(sharing table: Int?) -> Exchange {
        let insertion = Command(text: "INSERT INTO pg_temp.late VALUES (1)", isKept: true)
        return Exchange([insertion, insertion], loss: .harmless, sharing: table.map { Self.tables[$0] })
    }

    private func makeLate(_ pipeline: Pipeline) async throws {
        let table = Exchange(
            [Command(text: "CREATE TEMP TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")], loss: .harmless)
        await submit([table], to: pipeline)
        _ = try await table.answer.value().checked()
    }

    @Test("What fails when its transaction ends has failed, and those beside it have not", .timeLimit(.minutes(1)))
    func lateFailure() async throws {
        try await withPipeline { pipeline in
            try await makeLate(pipeline)
            let before = try (0..<5).map { try read("b\($0)", dividedBy: 1) }
            let after = try (0..<5).map { try read("a\($0)", dividedBy: 1) }
            let late = refusedAtTheEnd(sharing: nil)
            await submit(before + [late] + after, to: pipeline)
            for (index, exchange) in before.enumerated() { #expect(try await texts(exchange)[0] == "b\(index)") }
            for (index, exchange) in after.enumerated() { #expect(try await texts(exchange)[0] == "a\(index)") }
            let error = await #expect(throws: TenancyError.self) { try await late.answer.value().checked() }
            #expect(error?.code == .uniqueViolation)
        }
    }

    @Test(
        "A result that belongs to nobody ends the connection, before anybody is given another's",
        .timeLimit(.minutes(1)))
    func surplus() async throws {
        try await withPipeline { pipeline in
            try await makeLate(pipeline)
            let groups = try (0..<40).map { try read("t\($0)", dividedBy: 1, of: $0 / 8 % 2) }
            await submit([refusedAtTheEnd(sharing: 0)] + groups, to: pipeline)
            var lost = 0
            for (index, exchange) in groups.enumerated() {
                do { #expect(try await texts(exchange)[0] == "t\(index)") } catch {
                    #expect((error as? TenancyError)?.code == .unavailable)
                    lost += 1
                }
            }
            #expect(lost >= 32)
            #expect(pipeline.load.isLost && pipeline.load.count == 0)
        }
    }
}
