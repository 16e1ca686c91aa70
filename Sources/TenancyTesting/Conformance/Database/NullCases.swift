import Foundation
import Tenancy
import TenancyCore

// A condition is true or false of every record: each operator, with and without negation, where there are no values.
extension DatabaseConformance {
    typealias Condition = TenancyCore.Predicate

    static func addNullCases(_ list: inout CaseList) {
        list.begin("nulls")
        let comparisons: [(String, Condition.Comparison)] = [
            ("==", .equal), ("!=", .notEqual), ("<", .less), ("<=", .lessOrEqual), (">", .greater),
            (">=", .greaterOrEqual),
        ]
        for (name, comparison) in comparisons {
            list.add("\(name) a value, and its complement, of fields without a value") { t in
                try await t.agrees([
                    .compare(field: "a", comparison, 0), .not(.compare(field: "a", comparison, 0)),
                    .not(.not(.compare(field: "a", comparison, 0))), .compare(field: "id", comparison, 2),
                    .not(.compare(field: "id", comparison, 2)), .compare(field: "c", comparison, 0.5),
                    .not(.compare(field: "c", comparison, 0.5)),
                ])
            }
            list.add("\(name) null, and its complement") { t in
                try await t.agrees([
                    .compare(field: "a", comparison, nil), .not(.compare(field: "a", comparison, nil)),
                    .compare(field: "b", comparison, nil), .not(.compare(field: "b", comparison, nil)),
                    .compare(field: "d", comparison, nil),
                ])
            }
        }
        list.add("isNull and its complement, of fields that may and may not be null") { t in
            try await t.agrees([
                .isNull(field: "a"), .not(.isNull(field: "a")), .isNull(field: "b"), .not(.isNull(field: "b")),
                .isNull(field: "id"), .and([.isNull(field: "a"), .isNull(field: "c")]),
                .or([.isNull(field: "a"), .isNull(field: "c")]),
                .not(.and([.isNull(field: "a"), .isNull(field: "c")])),
            ])
        }
        list.add("in a list, with and without null in it, of fields without a value") { t in
            let lists: [[Value]] = [[], [nil], [0], [0, 1], [0, nil], [nil, nil], [99], [99, nil]]
            try await t.agrees(
                lists.flatMap { values -> [Condition] in
                    [
                        .oneOf(field: "a", values), .not(.oneOf(field: "a", values)), .oneOf(field: "id", values),
                        .not(.oneOf(field: "id", values)),
                    ]
                })
        }
        list.add("matches of text, and their complements, of fields without a value") { t in
            let handle = try await t.tenant()
            let samples = [nil, "", "a", "ab", "b"].enumerated().map { Sample(id: "\($0)", optionalText: $1) }
            try await handle.bulkCreate(samples)
            for match in [Condition.TextMatch.prefix, .contains, .whole] {
                for sought in ["", "a", "b", "z"] {
                    let plain = Condition.text(field: "optional_text", match, sought)
                    try await t.agrees([plain, .not(plain)], of: samples, handle)
                }
            }
        }
        list.add("a conjunction and a disjunction of conditions on absent values, negated") { t in
            let less = Condition.compare(field: "a", .less, 1)
            let more = Condition.compare(field: "c", .greater, 0.0)
            try await t.agrees([
                .and([less, more]), .not(.and([less, more])), .or([less, more]), .not(.or([less, more])),
                .and([.not(less), .not(more)]), .or([.not(less), .not(more)]), .not(.or([.not(less), more])),
            ])
        }
        list.add("always, never, and conditions of no parts") { t in
            try await t.agrees([
                .always, .never, .not(.always), .not(.never), .and([]), .or([]), .not(.and([])), .not(.or([])),
                .and([.always, .never]), .or([.always, .never]), .or([.never, .compare(field: "a", .equal, 0)]),
            ])
        }
        list.add("the typed filters say the same as the untyped") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(40)
            try await handle.bulkCreate(points)
            let query = handle.query(Point.self)
            t.expectEqual(
                try await query.where { $0.a != 1 }.count(), points.count { $0.a != 1 }, "a != 1")
            t.expectEqual(
                try await query.where { !($0.a < 1) }.count(), points.count { !($0.a.map { $0 < 1 } ?? false) },
                "!(a < 1)")
            t.expectEqual(try await query.where { $0.a.isNull }.count(), points.count { $0.a == nil }, "a.isNull")
            t.expectEqual(
                try await query.where { $0.a.isBetween(-1, 1) || $0.c == nil }.count(),
                points.count { $0.a.map { abs($0) <= 1 } ?? false || $0.c == nil }, "between")
            t.expectEqual(
                try await query.where { $0.a.isIn([nil, 2]) }.count(), points.count { $0.a == nil || $0.a == 2 }, "in")
        }
    }
}

extension DatabaseCaseContext {
    /// Compares what the database finds with what the model says, for points with many absent values.
    func agrees(_ predicates: [TenancyCore.Predicate], file: StaticString = #fileID, line: Int = #line) async throws {
        let handle = try await tenant()
        let points = Point.scattered(60)
        try await handle.bulkCreate(points)
        try await agrees(predicates, of: points, handle, file: file, line: line)
    }

    /// Compares what the database finds, counts and groups with what the model says.
    func agrees<E: Entity>(
        _ predicates: [TenancyCore.Predicate], of all: [E], _ handle: TenantHandle, file: StaticString = #fileID,
        line: Int = #line
    ) async throws {
        for predicate in predicates {
            let query = handle.query(E.self).where(predicate).sorted(by: E.schema.description.key.name)
            let expected = PredicateModel.select(all, Query(filter: predicate)).map(\.id.fieldValue)
            let found = try await query.all().map(\.id.fieldValue)
            expectEqual(found, expected, "\(predicate)", file: file, line: line)
            expectEqual(
                try await query.count(), expected.count, "the count for \(predicate)", file: file, line: line)
        }
    }
}
