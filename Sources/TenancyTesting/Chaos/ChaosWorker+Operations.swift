import Tenancy
import TenancyCore

// What a tenant does: every kind of call, on few records, so that calls meet.
extension ChaosWorker {
    mutating func step() async {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: await read()
        case 30..<36: await readMany()
        case 36..<50: await upsert()
        case 50..<56: await create()
        case 56..<62: await delete()
        case 62..<68: await changeRange()
        case 68..<75: await list()
        case 75..<80: await count()
        case 80..<85: await stream()
        case 85..<90: await bulk()
        default: await transaction()
        }
    }

    /// A record that is written by itself.
    private mutating func single() -> Int { Int.random(in: Self.pair.upperBound..<model.count, using: &random) }

    private mutating func range() -> Range<Int> {
        let first = single()
        return first..<Int.random(in: first...min(first + 6, model.count - 1), using: &random) + 1
    }

    /// Takes a write into the model: as done, as undone, or as one of both until time has told.
    private mutating func settle<Result>(_ outcome: Outcome<Result>, _ changes: [(id: Int, value: Int64?)]) {
        switch outcome {
        case .answered: for change in changes { model.acknowledge(change.id, change.value) }
        case .rolledBack: break
        case .failed(let error):
            if error.code == .serializationFailure || error.code == .deadlock { return }
            let until = ContinuousClock.now + options.settlingTime
            for change in changes { model.doubt(change.id, change.value, until: until) }
        }
    }

    private mutating func read() async {
        let id = Int.random(in: 0..<model.count, using: &random)
        if case .answered(let cell) = await call("read", { try await $0.read(ChaosCell.self, Int64(id)) }) {
            observe(id, cell, "read")
        }
    }

    private mutating func readMany() async {
        let ids = range()
        let outcome = await call("read of many") { try await $0.read(ChaosCell.self, ids: ids.map(Int64.init)) }
        if let cells = outcome.result { observe(cells.sorted { $0.id < $1.id }, in: ids, "read of many") }
    }

    private mutating func upsert() async {
        let (id, value) = (single(), value())
        let outcome = await call("upsert") { try await $0.upsert(ChaosCell(id: Int64(id), value: value, of: $0.id)) }
        settle(outcome, [(id, value)])
    }

    private mutating func create() async {
        let id = single()
        // Only where its outcome is known beforehand.
        guard case .some(let stored) = model.settled(id) else { return await read() }
        let value = value()
        let outcome = await call("create") { handle -> Bool in
            do throws(TenancyError) {
                try await handle.create(ChaosCell(id: Int64(id), value: value, of: handle.id))
                return true
            } catch {
                guard error.code == .uniqueViolation else { throw error }
                return false
            }
        }
        if let isCreated = outcome.result {
            if isCreated != (stored == nil) {
                violation(
                    "create of record \(id) \(isCreated ? "succeeded" : "failed"), which is \(model.expectation(id)).")
            }
            if isCreated { model.acknowledge(id, value) }
        } else {
            settle(outcome, [(id, value)])
        }
    }

    private mutating func delete() async {
        let id = single()
        let before = model.settled(id)
        let outcome = await call("delete") { try await $0.delete(ChaosCell.self, Int64(id)) }
        if case .some(let stored) = before, let isDeleted = outcome.result, isDeleted != (stored != nil) {
            violation("delete of record \(id) says \(isDeleted); it was \(model.expectation(id)).")
        }
        settle(outcome, [(id, nil)])
    }

    private mutating func changeRange() async {
        let (ids, value) = (range(), value())
        let isRemoval = random.chance(1, in: 3)
        let bounds = model.bounds(ids)
        let outcome = await call(isRemoval ? "delete by filter" : "update by filter") { handle in
            let (first, last) = (Int64(ids.lowerBound), Int64(ids.upperBound - 1))
            let query = handle.query(ChaosCell.self).where { $0.id >= first && $0.id <= last }
            if isRemoval { return try await query.delete() }
            let note = ChaosCell(id: 0, value: value, of: handle.id).note
            return try await query.update(.set(\.value, to: value), .set(\.note, to: note))
        }
        if let count = outcome.result, !bounds.contains(count) {
            violation("A change of \(ids) says that it met \(count) records, not \(bounds).")
        }
        // An update changes what is there, so that only what is certainly there can be told beforehand.
        for id in ids {
            if isRemoval {
                settle(outcome, [(id, nil)])
            } else if case .some(let stored) = model.settled(id) {
                if stored != nil { settle(outcome, [(id, value)]) }
            } else {
                model.doubt(id, value, until: ContinuousClock.now + options.settlingTime)
            }
        }
    }

    private mutating func list() async {
        let ids = random.chance(1, in: 2) ? 0..<model.count : range()
        let limit = random.chance(1, in: 3) ? Int.random(in: 1...model.count, using: &random) : Int.max
        let outcome = await call("query") { handle in
            let (first, last) = (Int64(ids.lowerBound), Int64(ids.upperBound - 1))
            let query = handle.query(ChaosCell.self).where { $0.id >= first && $0.id <= last }.sorted(by: \.id)
            return try await limit == .max ? query.all() : query.limit(limit).all()
        }
        guard let cells = outcome.result else { return }
        if cells.count > limit { violation("query returns \(cells.count) records of at most \(limit).") }
        observe(cells, of: ids, limit: limit, "query")
    }

    private mutating func count() async {
        let outcome = await call("count") { try await $0.query(ChaosCell.self).count() }
        let bounds = model.bounds(0..<model.count)
        if let count = outcome.result, !bounds.contains(count) { violation("count says \(count), not \(bounds).") }
    }

    /// Reads a stream to its end, or lets go of it.
    private mutating func stream() async {
        let taken = random.chance(1, in: 3) ? Int.random(in: 0..<model.count, using: &random) : Int.max
        let outcome = await call("stream") { handle in
            var cells: [ChaosCell] = []
            if taken == 0 { return cells }
            for try await cell in try await handle.query(ChaosCell.self).sorted(by: \.id).stream(batchSize: 3) {
                cells.append(cell)
                if cells.count == taken { break }
            }
            return cells
        }
        guard let cells = outcome.result else { return }
        observe(cells, of: 0..<model.count, limit: taken, "stream")
    }

    /// Compares the first records of a range, in the order of their keys, with the model.
    private mutating func observe(_ cells: [ChaosCell], of ids: Range<Int>, limit: Int, _ name: String) {
        guard cells.count >= limit else { return observe(cells, in: ids, name) }
        guard let last = cells.last, ids.contains(Int(last.id)) else { return }
        observe(cells, in: ids.lowerBound..<Int(last.id) + 1, name)
    }

    private mutating func bulk() async {
        let (ids, value) = (range(), value())
        let outcome = await call("bulk upsert") { handle in
            let cells = ids.map { ChaosCell(id: Int64($0), value: value, of: handle.id) }
            let result = try await handle.bulkUpsert(cells, options: BulkOptions(atomicity: .batch))
            if let failure = result.failures.first { throw failure.error }
        }
        settle(outcome, ids.map { ($0, value) })
    }

    /// Changes two records together, and others; now and then it is rolled back as a whole or in part.
    private mutating func transaction() async {
        let (id, value) = (single(), value())
        let isRolledBack = random.chance(1, in: 4)
        let isNested = random.chance(1, in: 3)
        let isInnerRolledBack = isNested && random.chance(1, in: 2)
        let outcome = await call("transaction") { [journal] handle in
            try await handle.transaction { inside in
                for key in Self.pair { try await inside.upsert(ChaosCell(id: Int64(key), value: value, of: inside.id)) }
                if isNested {
                    do {
                        try await inside.transaction { inner in
                            try await inner.upsert(ChaosCell(id: Int64(id), value: value, of: inner.id))
                            if isInnerRolledBack { throw RolledBack() }
                        }
                    } catch is RolledBack {}
                } else {
                    try await inside.upsert(ChaosCell(id: Int64(id), value: value, of: inside.id))
                }
                let pair = try await inside.read(ChaosCell.self, ids: Self.pair.map(Int64.init))
                if pair.map(\.value) != [value, value] {
                    journal.violation("\(inside.id): a transaction does not see what it wrote.")
                }
                if isRolledBack { throw RolledBack() }
            }
        }
        var changes = Self.pair.map { (id: $0, value: Optional(value)) }
        if !isInnerRolledBack { changes.append((id, value)) }
        // One that was to be rolled back leaves nothing, whatever else befell it.
        if !isRolledBack { settle(outcome, changes) }
    }
}
