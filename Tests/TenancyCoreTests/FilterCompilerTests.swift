import Foundation
import Testing

@testable import TenancyCore

@Suite("Filters as shapes")
struct FilterCompilerTests {
    private typealias Condition = TenancyCore.Predicate

    private let entity = EntityDescription(
        name: "things",
        fields: [
            FieldDescription(name: "id", type: .int64, isNullable: false),
            FieldDescription(name: "name", type: .string, isNullable: true),
            FieldDescription(name: "size", type: .int64, isNullable: true),
            FieldDescription(name: "extra", type: .json, isNullable: true),
            FieldDescription(name: "at", type: .timestamp, isNullable: true),
            FieldDescription(name: "price", type: .decimal, isNullable: true),
            FieldDescription(name: "weight", type: .double, isNullable: true),
        ], keyColumn: 0, versionColumn: nil)

    private func compile(_ predicate: TenancyCore.Predicate) throws(TenancyError) -> (FilterShape, [Parameter]) {
        let statement = try StatementBuilder(entity, maximumValueBytes: 1_000).select(Query(filter: predicate))
        return (statement.shape.filter, statement.parameters)
    }

    private func code(_ predicate: TenancyCore.Predicate) -> TenancyError.Code? {
        do throws(TenancyError) {
            _ = try compile(predicate)
            return nil
        } catch { return error.code }
    }

    @Test("Negation goes to the leaves and takes records without a value along")
    func negation() throws {
        let cases: [(TenancyCore.Predicate, FilterShape)] = [
            (.compare(field: "size", .less, 5), .compare(column: 2, .less, parameter: 0, orNull: false)),
            (.not(.compare(field: "size", .less, 5)), .compare(column: 2, .greaterOrEqual, parameter: 0, orNull: true)),
            (.compare(field: "size", .notEqual, 5), .compare(column: 2, .notEqual, parameter: 0, orNull: true)),
            (.not(.compare(field: "size", .notEqual, 5)), .compare(column: 2, .equal, parameter: 0, orNull: false)),
            (.not(.compare(field: "size", .equal, 5)), .compare(column: 2, .notEqual, parameter: 0, orNull: true)),
            (.not(.compare(field: "id", .equal, 5)), .compare(column: 0, .notEqual, parameter: 0, orNull: false)),
            (.not(.not(.compare(field: "size", .less, 5))), .compare(column: 2, .less, parameter: 0, orNull: false)),
            (
                .not(.text(field: "name", .prefix, "a")),
                .text(column: 1, .prefix, parameter: 0, ignoringCase: false, negated: true, orNull: true)
            ),
            (.not(.isNull(field: "name")), .isNull(column: 1, negated: true)),
        ]
        for (predicate, shape) in cases { #expect(try compile(predicate).0 == shape, "\(predicate)") }
    }

    @Test("De Morgan")
    func deMorgan() throws {
        let left = TenancyCore.Predicate.compare(field: "id", .equal, 1)
        let right = TenancyCore.Predicate.isNull(field: "name")
        #expect(
            try compile(.not(.and([left, right]))).0
                == .or([.compare(column: 0, .notEqual, parameter: 0, orNull: false), .isNull(column: 1, negated: true)])
        )
        #expect(try compile(.not(.or([.always, left]))).0 == .never)
        #expect(try compile(.and([])).0 == .always)
        #expect(try compile(.or([])).0 == .never)
        #expect(try compile(.not(.and([]))).0 == .never)
    }

    @Test("Comparisons with null are null tests or nothing")
    func nulls() throws {
        #expect(try compile(.compare(field: "name", .equal, nil)).0 == .isNull(column: 1, negated: false))
        #expect(try compile(.compare(field: "name", .notEqual, nil)).0 == .isNull(column: 1, negated: true))
        #expect(try compile(.compare(field: "name", .less, nil)).0 == .never)
        #expect(try compile(.not(.compare(field: "name", .less, nil))).0 == .always)
        #expect(try compile(.compare(field: "id", .equal, nil)).0 == .never)
        #expect(try compile(.isNull(field: "id")).0 == .never)
        #expect(try compile(.not(.isNull(field: "id"))).0 == .always)
    }

    @Test("Lists: empty, of null, with null, with doubles")
    func lists() throws {
        #expect(try compile(.oneOf(field: "size", [])).0 == .never)
        #expect(try compile(.not(.oneOf(field: "size", []))).0 == .always)
        #expect(try compile(.oneOf(field: "size", [nil])).0 == .isNull(column: 2, negated: false))
        #expect(try compile(.oneOf(field: "id", [nil])).0 == .never)
        let (shape, parameters) = try compile(.oneOf(field: "size", [1, nil, 2, 1]))
        #expect(
            shape
                == .or([
                    .isNull(column: 2, negated: false), .oneOf(column: 2, parameter: 0, negated: false, orNull: false),
                ]))
        #expect(parameters == [.list([1, 2])])
        #expect(
            try compile(.not(.oneOf(field: "size", [1, nil]))).0
                == .and([
                    .isNull(column: 2, negated: true), .oneOf(column: 2, parameter: 0, negated: true, orNull: false),
                ]))
        #expect(
            try compile(.not(.oneOf(field: "size", [1]))).0
                == .oneOf(column: 2, parameter: 0, negated: true, orNull: true))
    }

    @Test("What has no meaning is refused by name")
    func refusals() {
        #expect(code(.compare(field: "nope", .equal, 1)) == .unknownField)
        #expect(code(.isNull(field: "nope")) == .unknownField)
        #expect(code(.oneOf(field: "nope", [])) == .unknownField)
        #expect(code(.compare(field: "size", .equal, "1")) == .typeMismatch)
        #expect(code(.compare(field: "size", .equal, 1.0)) == .typeMismatch)
        #expect(code(.oneOf(field: "size", [1, "1"])) == .typeMismatch)
        #expect(code(.text(field: "size", .prefix, "1")) == .typeMismatch)
        #expect(code(.compare(field: "extra", .equal, .json(JSON(.null)))) == .invalidQuery)
        #expect(code(.compare(field: "extra", .less, .json(JSON(.null)))) == .invalidQuery)
        #expect(code(.oneOf(field: "extra", [.json(JSON(.null))])) == .invalidQuery)
        #expect(code(.isNull(field: "extra")) == nil)
        #expect(code(.compare(field: "weight", .equal, .double(.nan))) == .invalidValue)
        #expect(code(.compare(field: "weight", .less, .double(.infinity))) == .invalidValue)
        #expect(code(.compare(field: "price", .equal, .decimal(.nan))) == .invalidValue)
        #expect(code(.compare(field: "name", .equal, "a\0")) == .invalidValue)
        #expect(code(.text(field: "name", .contains, "\0")) == .invalidValue)
        #expect(code(.compare(field: "at", .equal, .timestamp(.init(microsecondsSince1970: .min)))) == .invalidValue)
    }

    @Test("A value that is too long or too precise is equal to nothing, which is no error")
    func unmatchable() {
        #expect(code(.compare(field: "name", .equal, .string(String(repeating: "x", count: 5_000)))) == nil)
        #expect(
            code(.compare(field: "price", .less, .decimal(Decimal(sign: .plus, exponent: -30, significand: 1)))) == nil)
    }

    @Test("Values are brought into their stored form")
    func canonical() throws {
        let at = Timestamp(microsecondsSince1970: -1)
        #expect(
            try compile(.compare(field: "at", .equal, .timestamp(at))).1 == [
                .value(.timestamp(.init(microsecondsSince1970: -1_000)))
            ])
        guard case .value(.double(let zero)) = try compile(.compare(field: "weight", .equal, .double(-0.0))).1[0] else {
            Issue.record("no double")
            return
        }
        #expect(zero.sign == .plus)
    }

    @Test("The shape does not depend on the values")
    func shapes() throws {
        let first = try compile(.and([.compare(field: "size", .equal, 1), .oneOf(field: "name", ["a", "b"])])).0
        let second = try compile(.and([.compare(field: "size", .equal, 2), .oneOf(field: "name", ["c"])])).0
        #expect(first == second)
        #expect(first.hashValue == second.hashValue)
    }

    @Test("Every parameter is referred to")
    func parameters() throws {
        let (shape, parameters) = try compile(
            .or([
                .and([.compare(field: "size", .equal, 1), .never]), .compare(field: "id", .equal, 2),
                .and([.oneOf(field: "size", [1]), .or([.compare(field: "id", .equal, 3), .always]), .never]),
            ]))
        #expect(shape == .compare(column: 0, .equal, parameter: 0, orNull: false))
        #expect(parameters == [.value(2)])
    }

    @Test("A filter nested too deeply is refused")
    func depth() {
        func nested(_ levels: Int) -> TenancyCore.Predicate {
            (0..<levels).reduce(.isNull(field: "name")) { inner, _ in .not(inner) }
        }
        #expect(code(nested(64)) == nil)
        #expect(code(nested(65)) == .invalidQuery)
        #expect(code(nested(5_000)) == .invalidQuery)
    }

    @Test("Sorts, groups, figures and limits without meaning are refused")
    func statements() {
        let builder = StatementBuilder(entity, maximumValueBytes: 1_000)
        func code(_ body: () throws -> Void) -> TenancyError.Code? {
            do {
                try body()
                return nil
            } catch { return TenancyError.wrap(error).code }
        }
        #expect(code { _ = try builder.select(Query(limit: -1)) } == .invalidQuery)
        #expect(code { _ = try builder.select(Query(sort: [.init("extra")])) } == .invalidQuery)
        #expect(code { _ = try builder.select(Query(sort: [.init("nope")])) } == .unknownField)
        #expect(code { _ = try builder.aggregate(.always, [.init(.sum, "name")]) } == .invalidQuery)
        #expect(code { _ = try builder.aggregate(.always, [.init(.sum)]) } == .invalidQuery)
        #expect(code { _ = try builder.aggregate(.always, [.init(.minimum, "extra")]) } == .invalidQuery)
        #expect(code { _ = try builder.aggregate(.always, groupBy: ["extra"], [.init(.count)]) } == .invalidQuery)
        #expect(code { _ = try builder.update(.always, []) } == .invalidQuery)
        #expect(code { _ = try builder.update(.always, [.init("id", .set(1))]) } == .invalidQuery)
        #expect(code { _ = try builder.update(.always, [.init("name", .add("a"))]) } == .invalidQuery)
        #expect(
            code { _ = try builder.update(.always, [.init("size", .set(1)), .init("size", .add(1))]) } == .invalidQuery)
        #expect(code { _ = try builder.update(.always, [.init("weight", .set(.double(.nan)))]) } == .invalidValue)
        #expect(code { _ = try builder.update(.always, [.init("size", .set("1"))]) } == .typeMismatch)
        #expect(code { try builder.checkKeys(["a"]) } == .typeMismatch)
        #expect(code { try builder.checkKeys([nil]) } == .typeMismatch)
    }

    @Test("An order is total, and the key comes once")
    func order() throws {
        let builder = StatementBuilder(entity, maximumValueBytes: 1_000)
        #expect(try builder.totalOrder([]).map(\.column) == [0])
        #expect(try builder.totalOrder([.init("size", .descending), .init("size")]).map(\.column) == [2, 0])
        #expect(try builder.totalOrder([.init("id", .descending), .init("size")]).map(\.column) == [0])
    }
}
