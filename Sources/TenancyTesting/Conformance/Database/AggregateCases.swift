import Foundation
import Tenancy
import TenancyCore

// Figures over records.
extension DatabaseConformance {
    static func addAggregateCases(_ list: inout CaseList) {
        list.begin("aggregates")
        list.add("of no records") { t in
            let query = try await t.tenant().query(Item.self)
            let (count, sum, mean, least, greatest) = try await query.aggregate(
                .count(), .sum(\.price), .average(\.weight), .minimum(\.kind), .maximum(\.quantity))
            t.expectEqual(count, 0, "count")
            t.expectEqual(sum, nil, "sum")
            t.expectEqual(mean, nil, "mean")
            t.expectEqual(least, nil, "least")
            t.expectEqual(greatest, nil, "greatest")
            t.expectEqual(try await query.grouped(by: \.kind, .count()).count, 0, "groups")
        }
        list.add("of records without a value") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([Item(id: "1", quantity: nil), Item(id: "2", quantity: nil)])
            let (count, sum, mean, least, greatest) = try await handle.query(Item.self).aggregate(
                .count(), .sum(\.quantity), .average(\.quantity), .minimum(\.quantity), .maximum(\.quantity))
            t.expectEqual(count, 2, "count")
            t.expectEqual(sum, nil, "sum")
            t.expectEqual(mean, nil, "mean")
            t.expectEqual(least, nil, "least")
            t.expectEqual(greatest, nil, "greatest")
        }
        list.add("leave out records without a value") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Item(id: "1", quantity: 4), Item(id: "2", quantity: nil), Item(id: "3", quantity: -1),
            ])
            let (sum, mean, least, greatest) = try await handle.query(Item.self).aggregate(
                .sum(\.quantity), .average(\.quantity), .minimum(\.quantity), .maximum(\.quantity))
            t.expectEqual(sum, 3, "sum")
            t.expectEqual(mean, 1.5, "mean")
            t.expectEqual(least, -1, "least")
            t.expectEqual(greatest, 4, "greatest")
            let counted = try await handle.query(Item.self).untyped.aggregate([AggregateFunction(.count, "quantity")])
            t.expectEqual(counted, [[2]], "how many have a value")
        }
        list.add("an integer sum at the ends of 64 bits") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([Sample(id: "1", number: .max - 1), Sample(id: "2", number: 1)])
            let greatest = try await handle.query(Sample.self).aggregate(.sum(\.number))
            t.expectEqual(greatest, .max, "the greatest")
            try await handle.create(Sample(id: "3", number: 1))
            let error = await t.expectThrows(.invalidValue) {
                try await handle.query(Sample.self).aggregate(.sum(\.number))
            }
            t.expect(error.map { !"\($0)".contains("9223372036854775") } ?? true, "the error shows a value")
            let count = try await handle.query(Sample.self).aggregate(.count())
            t.expectEqual(count, 3, "another figure works after the error")
        }
        list.add("an integer sum below 64 bits") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([Sample(id: "1", number: .min), Sample(id: "2", number: -1)])
            await t.expectThrows(.invalidValue) { try await handle.query(Sample.self).aggregate(.sum(\.number)) }
            await t.expectThrows(.invalidValue) { try await handle.query(Sample.self).aggregate(.average(\.number)) }
        }
        list.add("an integer sum that leaves 64 bits on the way and comes back") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                [Int64.max, .max, .min, .min, 2].enumerated().map { Sample(id: "\($0)", number: $1) })
            let total = try await handle.query(Sample.self).aggregate(.sum(\.number))
            t.expectEqual(total, 0, "the sum")
        }
        list.add("a sum of doubles beyond what a double holds") { t in
            let handle = try await t.tenant()
            let great = Double.greatestFiniteMagnitude
            try await handle.bulkCreate([Sample(id: "1", real: great), Sample(id: "2", real: great)])
            await t.expectThrows(.invalidValue) { try await handle.query(Sample.self).aggregate(.sum(\.real)) }
        }
        list.add("a sum of doubles") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([0.5, 0.25, -8, 1e3].enumerated().map { Sample(id: "\($0)", real: $1) })
            let (sum, mean) = try await handle.query(Sample.self).aggregate(.sum(\.real), .average(\.real))
            t.expectEqual(sum, 992.75, "sum")
            t.expectEqual(mean, 248.1875, "mean")
        }
        list.add("a decimal sum is exact") { t in
            let handle = try await t.tenant()
            let texts = ["0.1", "0.2", "0.7", "-0.000000000001", "1234567890123456789012.345678901234"]
            try await handle.bulkCreate(
                texts.map { Sample(id: $0, amount: Decimal(string: $0) ?? .nan) })
            let sum = try await handle.query(Sample.self).aggregate(.sum(\.amount))
            t.expectEqual(sum, Decimal(string: "1234567890123456789013.345678901233"), "sum")
            try await handle.query(Sample.self).where { $0.amount > 10 }.delete()
            let mean = try await handle.query(Sample.self).where { $0.amount > 0 }.aggregate(.average(\.amount))
            t.expectEqual(mean, Decimal?(Decimal(1) / 3), "mean")
        }
        list.add("a decimal sum of more digits than a field has") { t in
            let handle = try await t.tenant()
            let great = try t.require(Decimal(string: "9999999999999999999999.999999999999"))
            try await handle.bulkCreate((0..<20).map { Sample(id: "\($0)", amount: great) })
            let total = try await handle.query(Sample.self).aggregate(.sum(\.amount))
            t.expectEqual(total, Decimal(string: "199999999999999999999999.99999999998"), "sum")
        }
        list.add("least and greatest text by code point") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                ["\u{1F600}", "\u{E000}", "a", "Z", "é"].map { Sample(id: $0, text: $0, optionalText: $0) })
            let (least, greatest) = try await handle.query(Sample.self).aggregate(.minimum(\.text), .maximum(\.text))
            t.expectEqual(least, "Z", "least")
            t.expectEqual(greatest, "\u{1F600}", "greatest")
            let optional = try await handle.query(Sample.self).where { $0.text < "\u{1F600}" }.aggregate(
                .maximum(\.optionalText))
            t.expectEqual(optional, "\u{E000}", "greatest of some")
        }
        list.add("least and greatest decimals and integers by number, not by text") { t in
            let handle = try await t.tenant()
            let texts = ["9", "10", "-9", "-10", "9.5", "0.000000000001"]
            try await handle.bulkCreate(
                texts.enumerated().map {
                    Sample(id: $1, number: Int64($0) * 7 - 1, amount: Decimal(string: $1) ?? .nan)
                })
            let (least, greatest, low, high) = try await handle.query(Sample.self).aggregate(
                .minimum(\.amount), .maximum(\.amount), .minimum(\.number), .maximum(\.number))
            t.expectEqual(least, -10, "least decimal")
            t.expectEqual(greatest, 10, "greatest decimal")
            t.expectEqual(low, -1, "least integer")
            t.expectEqual(high, 34, "greatest integer")
        }
        list.add("the first and the last instant") { t in
            let handle = try await t.tenant()
            let moments: [Int64] = [-62_135_596_800_000_000, 0, 1_000, 253_402_300_799_999_000]
            try await handle.bulkCreate(
                moments.map { Sample(id: "\($0)", moment: Timestamp(microsecondsSince1970: $0)) })
            let (first, last) = try await handle.query(Sample.self).aggregate(.minimum(\.moment), .maximum(\.moment))
            t.expectEqual(first?.microsecondsSince1970, moments.first, "first")
            t.expectEqual(last?.microsecondsSince1970, moments.last, "last")
        }
        list.add("groups come in order, the one without a value last") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(60)
            try await handle.bulkCreate(points)
            let groups = try await handle.query(Point.self).grouped(by: \.a, .count(), .sum(\.c), .maximum(\.b))
            let expected = Dictionary(grouping: points, by: \.a)
            t.expectEqual(
                groups.map(\.key), expected.keys.compactMap(\.self).sorted().map { .some($0) } + [nil], "keys")
            for group in groups {
                let members = expected[group.key] ?? []
                t.expectEqual(group.figures.0, members.count, "count of \(String(describing: group.key))")
                let values = members.compactMap(\.c)
                t.expectEqual(group.figures.1, values.isEmpty ? nil : values.reduce(0, +), "sum")
                let greatest = members.map { Value.string($0.b) }.max { Value.order($0, $1) == .orderedAscending }
                t.expectEqual(group.figures.2.map { .string($0) }, greatest, "greatest text")
            }
        }
        list.add("groups of text keep case, accents and code points apart") { t in
            let handle = try await t.tenant()
            let texts = ["a", "A", "a ", "\u{E9}", "e\u{301}", "\u{1F600}", "\u{E000}", "a"]
            try await handle.bulkCreate(texts.enumerated().map { Sample(id: "\($0)", text: $1) })
            let groups = try await handle.query(Sample.self).grouped(by: \.text, .count(), .maximum(\.id))
            t.expectEqual(
                groups.map { Value.string($0.key) },
                ["A", "a", "a ", "e\u{301}", "\u{E9}", "\u{E000}", "\u{1F600}"].map { .string($0) }, "keys")
            t.expectEqual(groups.map(\.figures.0), [1, 2, 1, 1, 1, 1, 1], "counts")
        }
        list.add("groups by several fields, untyped") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Point(id: 1, a: 2, b: "x"), Point(id: 2, a: 1, b: "y"), Point(id: 3, a: 2, b: "x"),
                Point(id: 4, b: "x"),
                Point(id: 5, a: 1, b: "x"),
            ])
            let rows = try await handle.query(Point.self).untyped.aggregate(
                [AggregateFunction(.count), AggregateFunction(.maximum, "id")], groupBy: ["b", "a"])
            t.expectEqual(
                rows, [["x", 1, 1, 5], ["x", 2, 2, 3], ["x", nil, 1, 4], ["y", 1, 1, 2]], "rows")
            let groups = try await handle.query(Point.self).grouped(
                by: \.b, \.a, figures: .count(), .maximum(\.id), .average(\.id))
            t.expectEqual(groups.map(\.keys.0), ["x", "x", "x", "y"], "typed, the first key")
            t.expectEqual(groups.map(\.keys.1), [1, 2, nil, 1], "typed, the second key")
            t.expectEqual(groups.map(\.figures.0), [1, 2, 1, 1], "typed, how many")
            t.expectEqual(groups.map(\.figures.1), [5, 3, 4, 2], "typed, the greatest")
            t.expectEqual(groups.map(\.figures.2), [5, 2, 4, 2], "typed, the mean")
        }
        list.add("groups by values of every type") { t in
            let handle = try await t.tenant()
            let uid = UUID(uuid: (9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))
            try await handle.bulkCreate([
                Sample(
                    id: "1", flag: true, real: 0.1, amount: 1.5, uid: uid,
                    moment: Timestamp(microsecondsSince1970: -1_000), blob: [0, 255]),
                Sample(
                    id: "2", flag: true, real: 0.1, amount: 1.5, uid: uid,
                    moment: Timestamp(microsecondsSince1970: -1_000), blob: [0, 255]),
            ])
            let query = handle.query(Sample.self)
            t.expectEqual(try await query.grouped(by: \.flag, .count()).map(\.key), [true], "bool")
            t.expectEqual(try await query.grouped(by: \.real, .count()).map(\.key), [0.1], "double")
            t.expectEqual(try await query.grouped(by: \.amount, .count()).map(\.key), [1.5], "decimal")
            t.expectEqual(try await query.grouped(by: \.uid, .count()).map(\.key), [uid], "uuid")
            t.expectEqual(
                try await query.grouped(by: \.moment, .count()).map(\.key.microsecondsSince1970), [-1_000], "timestamp")
            t.expectEqual(try await query.grouped(by: \.blob, .count()).map(\.key), [[0, 255]], "bytes")
        }
        list.add("the mean of integers has a fraction") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([1, 2, 2].enumerated().map { Sample(id: "\($0)", number: $1) })
            let mean = try await handle.query(Sample.self).aggregate(.average(\.number))
            t.expectEqual(mean, 5.0 / 3.0, "mean")
        }
        list.add("mind the filter and not the limit") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(10))
            let query = handle.query(Item.self).where { $0.quantity >= 5 }
            let sum = try await query.aggregate(.sum(\.quantity))
            t.expectEqual(sum, 35, "with a filter")
            let none = try await query.where(.never).aggregate(.count())
            t.expectEqual(none, 0, "of none")
        }
        list.add("figures without meaning are refused") { t in
            let query = try await t.tenant().query(Sample.self)
            for (kind, field) in [
                (AggregateFunction.Kind.sum, "text"), (.sum, "flag"), (.sum, "moment"), (.minimum, "doc"),
                (.maximum, "blob"),
                (.minimum, "uid"), (.maximum, "flag"),
            ] {
                await t.expectThrows(.invalidQuery, what: field) {
                    try await query.untyped.aggregate([AggregateFunction(kind, field)])
                }
            }
            await t.expectThrows(.invalidQuery) { try await query.untyped.aggregate([AggregateFunction(.sum)]) }
            await t.expectThrows(.unknownField) { try await query.untyped.aggregate([AggregateFunction(.sum, "nope")]) }
            await t.expectThrows(.unknownField) {
                try await query.untyped.aggregate([AggregateFunction(.count)], groupBy: ["nope"])
            }
        }
    }
}
