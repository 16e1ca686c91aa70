import Foundation
import Tenancy
import TenancyCore

// Every comparison on every type that allows it, against the model.
extension DatabaseConformance {
    static func addOperatorCases(_ list: inout CaseList) {
        list.begin("operators")
        for subject in OperatorSubject.all {
            list.add("\(subject.name): every comparison, with a value and without") { t in
                let (handle, samples) = try await t.samples(subject)
                var predicates: [Condition] = []
                for field in subject.fields {
                    for value in subject.values {
                        for comparison in subject.comparisons {
                            predicates.append(.compare(field: field, comparison, value))
                        }
                        predicates.append(.not(.compare(field: field, .less, value)))
                        predicates.append(.not(.compare(field: field, .equal, value)))
                    }
                }
                try await t.agrees(predicates, of: samples, handle)
            }
            list.add("\(subject.name): in a list, and not in it") { t in
                let (handle, samples) = try await t.samples(subject)
                var predicates: [Condition] = []
                for field in subject.fields {
                    for list in [[], Array(subject.values.prefix(1)), Array(subject.values.prefix(3)), subject.values] {
                        predicates += [.oneOf(field: field, list), .not(.oneOf(field: field, list))]
                        predicates += [
                            .oneOf(field: field, list + [.null]), .not(.oneOf(field: field, list + [.null])),
                        ]
                    }
                }
                try await t.agrees(predicates, of: samples, handle)
            }
            list.add("\(subject.name): sorted, both ways, those without a value last") { t in
                let (handle, samples) = try await t.samples(subject)
                for field in subject.fields {
                    for direction in [SortDirection.ascending, .descending] {
                        let found = try await handle.query(Sample.self).sorted(by: field, direction).all()
                        let expected = PredicateModel.select(samples, Query(sort: [.init(field, direction)]))
                        t.expectEqual(found.map(\.id), expected.map(\.id), "\(field) \(direction)")
                    }
                }
            }
        }
        list.add("random conditions of every kind") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(80)
            try await handle.bulkCreate(points)
            var random = SeededGenerator(seed: 4_711)
            let predicates = (0..<250).map { _ in Condition.random(&random, depth: 4) }
            try await t.agrees(predicates, of: points, handle)
        }
        list.add("JSON can't be compared, sorted by or grouped by") { t in
            let query = try await t.tenant().query(Sample.self)
            let document = Value.json(JSON(.null))
            await t.expectThrows(.invalidQuery) {
                try await query.where(.compare(field: "doc", .equal, document)).all()
            }
            await t.expectThrows(.invalidQuery) { try await query.where(.compare(field: "doc", .less, document)).all() }
            await t.expectThrows(.invalidQuery) { try await query.where(.oneOf(field: "doc", [document])).all() }
            await t.expectThrows(.invalidQuery) { try await query.sorted(by: "doc").all() }
            await t.expectThrows(.invalidQuery) {
                try await query.untyped.aggregate([AggregateFunction(.count)], groupBy: ["doc"])
            }
        }
        list.add("an unknown field and a value of another type are errors") { t in
            let query = try await t.tenant().query(Sample.self)
            await t.expectThrows(.unknownField) { try await query.where(.compare(field: "nope", .equal, 1)).all() }
            await t.expectThrows(.unknownField) { try await query.where(.isNull(field: "tenant_id")).all() }
            await t.expectThrows(.unknownField) { try await query.sorted(by: "text; --").all() }
            await t.expectThrows(.typeMismatch) { try await query.where(.compare(field: "number", .equal, "1")).all() }
            await t.expectThrows(.typeMismatch) {
                try await query.where(.compare(field: "number", .equal, 1.5)).count()
            }
            await t.expectThrows(.typeMismatch) { try await query.where(.oneOf(field: "text", [1])).all() }
            await t.expectThrows(.typeMismatch) { try await query.where(.text(field: "number", .prefix, "1")).all() }
        }
        list.add("conditions nest 60 deep, and not 1,000") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(20)
            try await handle.bulkCreate(points)
            var deep = Condition.compare(field: "a", .greater, 0)
            for level in 0..<59 {
                deep = level % 2 == 0 ? .not(deep) : .or([.compare(field: "id", .equal, .int64(Int64(level))), deep])
            }
            try await t.agrees([deep], of: points, handle)
            var tooDeep = deep
            for _ in 0..<1_000 { tooDeep = .not(tooDeep) }
            let query = handle.query(Point.self).where(tooDeep)
            await t.expectThrows(.invalidQuery) { try await query.all() }
        }
        list.add("a condition of 500 parts") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(50)
            try await handle.bulkCreate(points)
            let parts = (0..<500).map { Condition.compare(field: "id", .equal, .int64($0 * 3)) }
            try await t.agrees([.or(parts), .and(parts.map { .not($0) })], of: points, handle)
        }
        list.add("a list of 10,000 values") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<50).map { Point(id: $0 * 333, b: "b\($0 * 333)") })
            let query = handle.query(Point.self)
            let numbers = (0..<10_000).map { Value.int64($0) }
            t.expectEqual(try await query.where(.oneOf(field: "id", numbers)).count(), 31, "in the list")
            t.expectEqual(try await query.where(.not(.oneOf(field: "id", numbers))).count(), 19, "not in the list")
            let texts = (0..<10_000).map { Value.string("b\($0)") }
            t.expectEqual(try await query.where(.oneOf(field: "b", texts)).count(), 31, "texts in the list")
        }
        list.add("reading 10,000 keys at once") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<50).map { Point(id: $0 * 333) })
            let found = try await handle.read(Point.self, ids: (0..<10_000).reversed().map { Int64($0) })
            t.expectEqual(found.map(\.id), (0..<31).reversed().map { Int64($0 * 333) }, "in the order of the keys")
            await t.expectThrows(.valueTooLarge) {
                try await handle.read(Point.self, ids: (0..<10_001).map { Int64($0) })
            }
        }
    }
}

/// A type with values that lie at its ends and next to each other.
struct OperatorSubject: Sendable {
    let name: String
    let fields: [String]
    let values: [Value]
    var isOrdered = true

    var comparisons: [TenancyCore.Predicate.Comparison] {
        [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
    }

    static let all: [OperatorSubject] = [
        OperatorSubject(name: "bool", fields: ["flag", "optional_flag"], values: [false, true]),
        OperatorSubject(
            name: "int64", fields: ["number", "optional_number"],
            values: [.int64(.min), -1, 0, 1, 9, 10, 9_007_199_254_740_993, 9_007_199_254_740_992, .int64(.max)]),
        OperatorSubject(
            name: "double", fields: ["real", "optional_real"],
            values: [
                .double(-.greatestFiniteMagnitude), -1.5, .double(-.leastNonzeroMagnitude), 0.0,
                .double(.leastNonzeroMagnitude), 0.1, 0.30000000000000004, 0.3, 1e300,
            ]),
        OperatorSubject(
            name: "decimal", fields: ["amount", "optional_amount"],
            values: [
                "-9999999999999999999999.999999999999", "-10", "-9", "-0.5", "0", "0.000000000001", "0.5", "9", "10",
                "9007199254740993.000000000001", "9007199254740993", "9999999999999999999999.999999999999",
            ].map { .decimal(Decimal(string: $0) ?? .nan) }),
        OperatorSubject(
            name: "string", fields: ["text", "optional_text"],
            values: [
                "", " ", "A", "B", "Z", "a", "a ", "aa", "b", "\u{E9}", "e\u{301}", "ä", "z", "\u{D7FF}", "\u{E000}",
                "\u{FFFD}", "\u{10000}", "\u{1F600}", "\u{10FFFF}", "1", "10", "9",
            ]),
        OperatorSubject(
            name: "uuid", fields: ["uid", "optional_uid"],
            values: [
                "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001",
                "01000000-0000-0000-0000-000000000000", "7fffffff-ffff-4fff-bfff-ffffffffffff",
                "80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ].compactMap { UUID(uuidString: $0).map { .uuid($0) } }),
        OperatorSubject(
            name: "timestamp", fields: ["moment", "optional_moment"],
            values: [-62_135_596_800_000_000, -1_000, 0, 1_000, 951_782_400_000_000, 253_402_300_799_999_000].map {
                .timestamp(Timestamp(microsecondsSince1970: $0))
            }),
        OperatorSubject(
            name: "bytes", fields: ["blob", "optional_blob"],
            values: [[], [0], [0, 0], [0, 1], [1], [0x7F], [0x80], [0xFF], [0xFF, 0]].map { .bytes($0) }),
    ]
}

extension DatabaseCaseContext {
    /// Stores a sample for each value of a type, every second one in the optional field too, and one twice.
    fileprivate func samples(_ subject: OperatorSubject) async throws -> (TenantHandle, [Sample]) {
        let handle = try await tenant()
        let records = try handle.records(Sample.schema.description.name)
        var samples: [Record] = []
        for (number, value) in (subject.values + subject.values.suffix(1)).enumerated() {
            let plain = Sample(id: "s\(zeroPadded: number)")
            var record = try Record(
                records.entity,
                Dictionary(uniqueKeysWithValues: zip(records.entity.fields.map(\.name), plain.storedValues)))
            try record.set(subject.fields[0], to: value)
            if number % 3 != 1 { try record.set(subject.fields[1], to: value) }
            samples.append(record)
        }
        var random = SeededGenerator(seed: 3)
        try await records.bulkCreate(samples.shuffled(using: &random))
        return (handle, try await handle.read(Sample.self, ids: samples.indices.map { "s\(zeroPadded: $0)" }))
    }
}

extension TenancyCore.Predicate {
    /// A condition on points.
    static func random(_ random: inout SeededGenerator, depth: Int) -> TenancyCore.Predicate {
        if depth > 0, random.chance(3, in: 5) {
            let parts = (0..<Int.random(in: 0...3, using: &random)).map { _ in Self.random(&random, depth: depth - 1) }
            switch Int.random(in: 0...2, using: &random) {
            case 0: return .and(parts)
            case 1: return .or(parts)
            default: return .not(Self.random(&random, depth: depth - 1))
            }
        }
        let comparison = random.pick([Comparison.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual])
        let integer = random.pick([Value.null, -2, -1, 0, 1, 2, 3])
        switch Int.random(in: 0...7, using: &random) {
        case 0: return .compare(field: "a", comparison, integer)
        case 1: return .compare(field: "b", comparison, random.pick(["", "a", "B", "ä", "\u{E000}", "\u{1F600}"]))
        case 2: return .compare(field: "c", comparison, random.pick([nil, -1.0, -0.5, 0.0, 0.5]))
        case 3:
            return .compare(
                field: "d", comparison,
                .timestamp(Timestamp(microsecondsSince1970: .random(in: -3...3, using: &random) * 1_000)))
        case 4: return .oneOf(field: "a", (0..<3).map { _ in random.pick([nil, -1, 0, 1]) })
        case 5: return .isNull(field: random.pick(["a", "b", "c", "d"]))
        case 6: return .text(field: "b", random.pick([.prefix, .contains, .whole]), random.pick(["", "a", "b", "ä"]))
        default: return random.pick([.always, .never, .compare(field: "id", comparison, integer)])
        }
    }
}
