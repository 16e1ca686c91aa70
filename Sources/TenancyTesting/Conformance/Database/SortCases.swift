import Foundation
import Tenancy
import TenancyCore

// Order, limits, first, projections.
extension DatabaseConformance {
    static func addSortCases(_ list: inout CaseList) {
        list.begin("sorting")
        let sorts: [(String, [Query.Sort])] = [
            ("one field with ties, by the key after it", [.init("b")]),
            ("an optional field", [.init("a")]), ("an optional field, descending", [.init("a", .descending)]),
            ("two optional fields", [.init("a"), .init("c")]),
            ("two fields in opposite directions", [.init("a", .descending), .init("c")]),
            ("three fields, mixed", [.init("b", .descending), .init("d"), .init("a", .descending)]),
            ("all fields", [.init("d", .descending), .init("c"), .init("b"), .init("a"), .init("id", .descending)]),
            ("the key, descending", [.init("id", .descending)]),
            ("the key first and others after it", [.init("id"), .init("b")]),
            ("the same field twice", [.init("a"), .init("a", .descending)]),
        ]
        for (name, sort) in sorts {
            list.add(name) { t in
                let handle = try await t.tenant()
                let points = Point.scattered(70)
                try await handle.bulkCreate(points)
                var query = handle.query(Point.self)
                for term in sort { query = query.sorted(by: term.field, term.direction) }
                let expected = PredicateModel.select(points, Query(sort: sort))
                t.expectSame(try await query.all(), expected, "all")
                t.expectSame(try await query.limit(7).all(), Array(expected.prefix(7)), "seven")
                t.expectSame(try await query.first(), expected.first, "the first")
                let filtered = try await query.where { $0.a != 1 }.limit(5).all()
                t.expectSame(filtered, Array(expected.filter { $0.a != 1 }.prefix(5)), "five of some")
            }
        }
        list.add("limits of 0, 1, more than there are, and less than 0") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Point.scattered(5))
            let query = handle.query(Point.self)
            t.expectEqual(try await query.limit(0).all().count, 0, "0")
            t.expectEqual(try await query.limit(1).all().count, 1, "1")
            t.expectEqual(try await query.limit(5).all().count, 5, "5")
            t.expectEqual(try await query.limit(6).all().count, 5, "6")
            t.expectEqual(try await query.limit(.max).all().count, 5, "all numbers there are")
            t.expectEqual(try await query.limit(3).limit(9).all().count, 3, "the lesser of two")
            await t.expectThrows(.invalidQuery) { try await query.limit(-1).all() }
        }
        list.add("a limit without an order takes the least keys") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Point.scattered(30))
            t.expectEqual(try await handle.query(Point.self).limit(3).all().map(\.id), [-3, -2, -1], "the first three")
        }
        list.add("first, count and exists of none and of some") { t in
            let handle = try await t.tenant()
            let query = handle.query(Point.self)
            t.expectSame(try await query.first(), nil, "first of none")
            t.expectEqual(try await query.count(), 0, "count of none")
            t.expectEqual(try await query.exists(), false, "exists of none")
            try await handle.create(Point(id: 1, a: 1))
            try await handle.create(Point(id: 2, a: 2))
            t.expectEqual(try await query.sorted(by: \.a, .descending).first()?.id, 2, "first")
            t.expectEqual(try await query.count(), 2, "count")
            t.expectEqual(try await query.limit(1).count(), 2, "count does not mind the limit")
            t.expectEqual(try await query.where { $0.a == 2 }.exists(), true, "exists")
            t.expectEqual(try await query.where { $0.a == 3 }.exists(), false, "exists of others")
        }
        list.add("some properties only") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(20)
            try await handle.bulkCreate(points)
            let rows = try await handle.query(Point.self).sorted(by: \.id).select(\.c, \.id, \.b)
            let expected = points.sorted { $0.id < $1.id }
            t.expectEqual(rows.map(\.0), expected.map(\.c), "c")
            t.expectEqual(rows.map(\.1), expected.map(\.id), "id")
            t.expectEqual(rows.map(\.2), expected.map(\.b), "b")
        }
        list.add("one property twice, sorted by another") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([Point(id: 1, a: 2, b: "x"), Point(id: 2, a: 1, b: "y")])
            let rows = try await handle.query(Point.self).sorted(by: \.a).select(\.b, \.b)
            t.expectEqual(rows.map(\.0), ["y", "x"], "the first")
            t.expectEqual(rows.map(\.1), ["y", "x"], "the second")
            let limited = try await handle.query(Point.self).sorted(by: \.b, .descending).limit(1).select(\.a)
            t.expectEqual(limited.map { $0 }, [1], "with a limit")
        }
        list.add("more records than a query may return are an error, not a part of them") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<100_001).map { Point(id: $0) }, options: BulkOptions(batchSize: 10_000))
            await t.expectThrows(.valueTooLarge) { try await handle.query(Point.self).all() }
            t.expectEqual(try await handle.query(Point.self).limit(100_000).all().count, 100_000, "as many as may be")
            t.expectEqual(try await handle.query(Point.self).count(), 100_001, "count")
        }
    }
}
