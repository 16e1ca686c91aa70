import Foundation
import Tenancy
import TenancyCore

extension IsolationSuite {
    static func addWalkCases(_ list: inout CaseList) {
        list.begin("random walks")
        for seed: UInt64 in [1, 2, 3] {
            list.add("1,000 operations of four tenants, seed \(seed)", needs: .transactions) { t in
                var walk = RandomWalk(t, seed: seed)
                for name in ["a", "A", "a-b", "b"] { walk.handles.append(try await t.tenant(name)) }
                walk.models = Array(repeating: [:], count: walk.handles.count)
                for step in 0..<1_000 {
                    try await walk.step()
                    if step % 100 == 99 { try await walk.compare("after step \(step)") }
                    if !t.log.all.isEmpty { return }
                }
            }
        }
    }
}

/// Operations at random over a few tenants with few keys, each compared with what a dictionary says.
struct RandomWalk {
    let t: DatabaseCaseContext
    var handles: [TenantHandle] = []
    var models: [[String: Item]] = []
    private var random: SeededGenerator

    init(_ t: DatabaseCaseContext, seed: UInt64) {
        self.t = t
        random = SeededGenerator(seed: seed)
    }

    mutating func compare(_ what: String) async throws {
        for (owner, handle) in handles.enumerated() {
            t.expectSame(
                try await handle.query(Item.self).sorted(by: \.id).all(),
                PredicateModel.select(Array(models[owner].values), Query()),
                "\(what), tenant \(owner)")
        }
    }

    mutating func step() async throws {
        let owner = Int.random(in: 0..<handles.count, using: &random)
        if random.chance(1, in: 8) { return try await transaction(owner) }
        var model = models[owner]
        try await operation(handles[owner], &model, "tenant \(owner)")
        models[owner] = model
    }

    private mutating func transaction(_ owner: Int) async throws {
        let isCommitted = random.chance(1, in: 2)
        var walk = self
        let count = Int.random(in: 1...5, using: &walk.random)
        let start = walk
        let handle = handles[owner]
        var ended = start
        do {
            ended = try await handle.transaction { inside in
                var walk = start
                for _ in 0..<count {
                    var model = walk.models[owner]
                    try await walk.operation(inside, &model, "tenant \(owner) in a transaction")
                    walk.models[owner] = model
                }
                if !isCommitted { throw RolledBack(random: walk.random) }
                return walk
            }
        } catch let error as RolledBack { ended.random = error.random }
        self = ended
    }

    private struct RolledBack: Error { let random: SeededGenerator }

    private mutating func item() -> Item {
        Item(
            id: "k\(Int.random(in: 0..<8, using: &random))", kind: random.pick(["x", "y", "z"]),
            quantity: random.pick([nil, 0, 1, 2, 3]), code: random.pick([nil, nil, "a", "b", "c", "d"]))
    }

    /// Runs one operation on a tenant and on its model.
    private mutating func operation(
        _ handle: TenantHandle, _ model: inout [String: Item], _ who: String
    ) async throws {
        let item = item()
        switch Int.random(in: 0...10, using: &random) {
        case 0:
            let expected = model[item.id] != nil ? .uniqueViolation : model.conflict(item)
            let error = await t.failure { try await handle.create(item) }
            t.expectEqual(error?.code, expected, "\(who): create")
            if expected == nil { model[item.id] = item.with(version: 1) }
        case 1, 2:
            let error = await t.failure { try await handle.upsert(item) }
            t.expectEqual(error?.code, model.conflict(item), "\(who): upsert")
            if error == nil { model[item.id] = item.with(version: (model[item.id]?.version ?? 0) + 1) }
        case 3:
            var changed = item
            changed.version = (model[item.id]?.version ?? 1) - (random.chance(1, in: 4) ? 1 : 0)
            var expected = model.conflict(item)
            if let stored = model[item.id] {
                if stored.version != changed.version { expected = .staleVersion }
            } else {
                expected = .notFound
            }
            let error = await t.failure { try await handle.update(changed) }
            t.expectEqual(error?.code, expected, "\(who): update")
            if error == nil { model[item.id] = changed.with(version: changed.version + 1) }
        case 4:
            t.expectEqual(try await handle.delete(Item.self, item.id), model[item.id] != nil, "\(who): delete")
            model[item.id] = nil
        case 5:
            t.expectSame(try await handle.read(Item.self, item.id), model[item.id], "\(who): read")
        case 6:
            let changed = try await handle.query(Item.self).where { $0.kind == item.kind }.update(
                .add(1, to: \.quantity))
            let found = model.values.filter { $0.kind == item.kind }
            t.expectEqual(changed, found.count, "\(who): update by filter")
            for var stored in found {
                stored.quantity = stored.quantity.map { $0 + 1 }
                model[stored.id] = stored.with(version: stored.version + 1)
            }
        case 7:
            let found = model.values.filter { $0.quantity == item.quantity && $0.kind == item.kind }
            let removed = try await handle.query(Item.self)
                .where { $0.quantity == item.quantity && $0.kind == item.kind }.delete()
            t.expectEqual(removed, found.count, "\(who): delete by filter")
            for stored in found { model[stored.id] = nil }
        case 8:
            let (count, sum) = try await handle.query(Item.self).aggregate(.count(), .sum(\.version))
            t.expectEqual(count, model.count, "\(who): count")
            t.expectEqual(sum, model.isEmpty ? nil : model.values.reduce(0) { $0 + $1.version }, "\(who): sum")
        case 9:
            let items = [item, self.item(), self.item()]
            let result = try await handle.bulkUpsert(items, options: BulkOptions(atomicity: .row))
            var failures: [Int] = []
            for (row, item) in items.enumerated() {
                if model.conflict(item) != nil {
                    failures.append(row)
                } else {
                    model[item.id] = item.with(version: (model[item.id]?.version ?? 0) + 1)
                }
            }
            t.expectEqual(result.failures.map(\.row), failures, "\(who): bulk upsert")
        default:
            let predicate = TenancyCore.Predicate.compare(
                field: "quantity", random.pick([.less, .notEqual, .equal]), 2)
            let query = Query(filter: predicate, sort: [.init("quantity", random.pick([.ascending, .descending]))])
            let found = try await handle.query(Item.self).where(predicate)
                .sorted(by: "quantity", query.sort[0].direction).all()
            t.expectSame(found, PredicateModel.select(Array(model.values), query), "\(who): query")
        }
    }
}

extension Item {
    fileprivate func with(version: Int64) -> Item {
        var copy = self
        copy.version = version
        return copy
    }
}

extension [String: Item] {
    /// Whether another record has an item's unique value.
    fileprivate func conflict(_ item: Item) -> TenancyError.Code? {
        guard let code = item.code else { return nil }
        return values.contains { $0.id != item.id && $0.code == code } ? .uniqueViolation : nil
    }
}
