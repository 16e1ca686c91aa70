import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: statements that a connection has prepared")
struct PreparedStatementsTests {
    private let statements = (0..<40).map { CompiledStatement("SELECT \($0)", types: []) }

    @Test("Until a transaction has ended, only it uses the name that it gives")
    func pending() {
        var prepared = PreparedStatements(maximumCount: 16)
        let name = statements[0].name
        #expect(prepared.use(statements[0], in: 3, after: 1) == .newName(name))
        #expect(prepared.use(statements[0], in: 3, after: 1) == .name(name))
        #expect(prepared.use(statements[0], in: 4, after: 3) == .text)
        #expect(prepared.use(statements[0], in: 5, after: 4) == .name(name))
    }

    @Test("What fails late forgets the name that it used, and not the one that was given since")
    func forgetting() {
        var prepared = PreparedStatements(maximumCount: 16)
        _ = prepared.use(statements[0], in: 0, after: 0)
        let serial = prepared.serial
        prepared.forget(statements[0].id, upTo: serial, isThere: false)
        guard case .newName(let name) = prepared.use(statements[0], in: 7, after: 6) else {
            Issue.record("It was not forgotten.")
            return
        }
        #expect(name != statements[0].name)
        prepared.forget(statements[0].id, upTo: serial, isThere: false)
        #expect(prepared.use(statements[0], in: 8, after: 8) == .name(name))
        #expect(prepared.takeDropped().isEmpty)
        prepared.forget(statements[0].id, upTo: prepared.serial, isThere: true)
        #expect(prepared.takeDropped() == [name])
        #expect(prepared.takeDropped().isEmpty)
    }

    @Test("Every name that is given is in use or dropped, each once, in whatever order statements are asked for")
    func bounded() {
        for seed in 1...20 {
            var prepared = PreparedStatements(maximumCount: 16)
            var (known, state): (Set<String>, UInt64) = ([], UInt64(seed) &* 0x9e37_79b9_7f4a_7c15)
            for transaction in 0..<2_000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                // Some are asked for again and again, and come to be the oldest of those that are kept.
                let index = Int(state >> 33) % (transaction % 3 == 0 ? 40 : 9)
                if case .newName(let name) = prepared.use(statements[index], in: transaction, after: transaction) {
                    #expect(known.insert(name).inserted)
                }
                for name in prepared.takeDropped() { #expect(known.remove(name) != nil) }
                #expect(known.count <= 16)
            }
        }
    }
}
