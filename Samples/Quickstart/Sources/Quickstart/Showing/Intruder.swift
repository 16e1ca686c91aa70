import Tenancy

/// A handle that tries to reach another tenant's rows, whose ids and contents it knows.
struct Intruder {
    typealias Attack = (Intruder, inout Attempts) async throws -> Void

    let own: TenantHandle
    let victim: TenantHandle
    /// Flights of the victim.
    let targets: [Flight]
    /// Airports that the victim serves and the intruder doesn't.
    let foreignAirports: [Airport]

    /// Every way that is tried.
    static var ways: [(name: String, attack: Attack)] {
        [
            ("by id: read, update, delete", { try await $0.byID(&$1) }),
            ("by the same id: one's own record, not the other's", { try await $0.bySameID(&$1) }),
            ("by filter: find, count, sum, update, delete", { try await $0.byFilter(&$1) }),
            ("by search", { try await $0.bySearch(&$1) }),
            ("by the other's cursor, and by an altered one", { try await $0.byCursor(&$1) }),
            ("by bulk write", { try await $0.byBulk(&$1) }),
            ("in a transaction, and with its handle after its end", { try await $0.inTransaction(&$1) }),
            ("through the untyped API", { try await $0.untyped(&$1) }),
        ]
    }

    private func byID(_ attempts: inout Attempts) async throws {
        for target in targets {
            attempts.add(try await own.read(Flight.self, target.id) != nil)
            attempts.add(try await own.read(Flight.self, target.id, options: .uncached) != nil)
            try await attempts.add(refusedWith: .notFound) { try await own.update(target) }
            attempts.add(try await own.delete(Flight.self, target.id))
        }
        attempts.add(try await !own.read(Flight.self, ids: targets.map(\.id)).isEmpty)
    }

    /// Two tenants may use the same id for two records, which know nothing of each other.
    private func bySameID(_ attempts: inout Attempts) async throws {
        for target in targets {
            var mine = target
            mine.carrier = own.id.rawValue
            mine.distance = -1
            try await own.create(mine)
            attempts.add(try await victim.read(Flight.self, target.id) != target)
            attempts.add(try await own.read(Flight.self, target.id) != mine)
            attempts.add(try await !own.delete(Flight.self, target.id))
            attempts.add(try await victim.read(Flight.self, target.id, options: .uncached) != target)
        }
    }

    private func byFilter(_ attempts: inout Attempts) async throws {
        let name = victim.id.rawValue
        let ids = targets.map(\.id)
        let others = own.query(Flight.self).where { $0.carrier == name }
        attempts.add(try await others.count() > 0)
        attempts.add(try await others.exists())
        attempts.add(try await others.first() != nil)
        let miles = try await others.aggregate(.sum(\.distance))
        attempts.add(miles != nil)
        attempts.add(try await !others.grouped(by: \.origin, .count()).isEmpty)
        attempts.add(try await !others.select(\.id).isEmpty)
        attempts.add(try await others.update(.set(\.distance, to: 0)) > 0)
        attempts.add(try await others.delete() > 0)
        let byIDs = own.query(Flight.self).where { $0.id.isIn(ids) }
        attempts.add(try await !byIDs.all().isEmpty)
        // A condition that holds for everything holds for everything of one's own.
        let everything = own.query(Flight.self).where { $0.carrier == name || $0.distance >= 0 || !($0.id == "") }
        attempts.add(try await everything.page(size: 1_000).items.contains { $0.carrier == name })
        attempts.add(try await everything.count() != own.query(Flight.self).count())
    }

    private func bySearch(_ attempts: inout Attempts) async throws {
        let foreign = Set(foreignAirports.map(\.id))
        let name = victim.id.rawValue
        let hostile = [
            "*", "tenant_id:\(name)", "\(name) OR a", "\" OR tenant_id:\(name) \"", "a* NOT zzz", "' OR 1=1 --",
        ]
        for text in foreignAirports.prefix(20).flatMap({ [$0.name, $0.id] }) + hostile {
            let hits = try await own.search(Airport.self, text, limit: 1_000)
            attempts.add(hits.contains { foreign.contains($0.element.id) })
        }
    }

    private func byCursor(_ attempts: inout Attempts) async throws {
        let cursor = try await cursorOfVictim()
        try await attempts.add(refusedWith: .invalidCursor) {
            _ = try await own.query(Flight.self).page(size: 1, after: cursor)
        }
        var altered = Array(cursor.rawValue.utf8)
        for place in stride(from: 0, to: altered.count, by: 7) {
            let original = altered[place]
            altered[place] = original == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let forged = Cursor(rawValue: String(decoding: altered, as: UTF8.self))
            try await attempts.add(refusedWith: .invalidCursor) {
                _ = try await own.query(Flight.self).page(size: 1, after: forged)
            }
            altered[place] = original
        }
    }

    /// A cursor between two of the victim's flights. One that has a single flight gets a second one for that moment.
    private func cursorOfVictim() async throws -> Cursor {
        if let cursor = try await victim.query(Flight.self).page(size: 1).next { return cursor }
        guard var second = targets.first else { throw QuickstartError("There is no flight to reach for.", hint: "") }
        second.id += "-2"
        try await victim.create(second)
        let cursor = try await victim.query(Flight.self).page(size: 1).next
        try await victim.delete(Flight.self, second.id)
        guard let cursor else { throw QuickstartError("A page of two flights has no cursor.", hint: "") }
        return cursor
    }

    private func byBulk(_ attempts: inout Attempts) async throws {
        let byRow = BulkOptions(atomicity: .row)
        attempts.add(try await own.bulkUpdate(targets, options: byRow).affected > 0)
        try await attempts.add(refusedWith: .notFound) { try await own.bulkUpdate(targets) }
        attempts.add(try await own.bulkDelete(Flight.self, targets.map(\.id)).affected > 0)
    }

    private func inTransaction(_ attempts: inout Attempts) async throws {
        guard let target = targets.first else { return attempts.skip() }
        let name = victim.id.rawValue
        let (reached, escaped) = try await own.transaction { transaction in
            let others = transaction.query(Flight.self).where { $0.carrier == name }
            var reached = [try await transaction.read(Flight.self, target.id) != nil]
            reached.append(try await others.count() > 0)
            reached.append(try await others.update(.set(\.distance, to: 0)) > 0)
            reached.append(try await transaction.delete(Flight.self, target.id))
            let inner = try await transaction.transaction { try await $0.read(Flight.self, target.id) != nil }
            return (reached + [inner], transaction)
        }
        for reached in reached { attempts.add(reached) }
        try await attempts.add(refusedWith: .transactionClosed) { _ = try await escaped.read(Flight.self, target.id) }
    }

    private func untyped(_ attempts: inout Attempts) async throws {
        let records = try own.records("flights")
        for target in targets {
            attempts.add(try await records.read(.string(target.id)) != nil)
            attempts.add(try await records.delete(.string(target.id)))
        }
        // The column that tells tenants apart is no field, so that no filter can name it.
        let victimsRows = Predicate.compare(field: "tenant_id", .equal, .string(victim.id.rawValue))
        try await attempts.add(refusedWith: .unknownField) { _ = try await records.query().where(victimsRows).all() }
    }
}
