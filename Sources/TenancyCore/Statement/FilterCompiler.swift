import Foundation

/// Turns a predicate into a shape and its parameters, checking fields and types on the way.
struct FilterCompiler {
    let entity: EntityDescription
    let maximumValueBytes: Int
    let ignoresCase: Bool
    private(set) var parameters: [Parameter] = []

    init(_ entity: EntityDescription, maximumValueBytes: Int, ignoresCase: Bool = true) {
        self.entity = entity
        self.maximumValueBytes = maximumValueBytes
        self.ignoresCase = ignoresCase
    }

    /// The deepest nesting of a predicate; what a person writes has a handful of levels.
    static let maximumDepth = 64

    mutating func compile(
        _ predicate: Predicate, negated: Bool = false, depth: Int = 0
    ) throws(TenancyError) -> FilterShape {
        guard depth <= Self.maximumDepth else {
            throw TenancyError(
                .invalidQuery, "A filter is nested more than \(Self.maximumDepth) levels deep.",
                details: .init(entity: entity.name))
        }
        switch predicate {
        case .always: return negated ? .never : .always
        case .never: return negated ? .always : .never
        case .not(let inner): return try compile(inner, negated: !negated, depth: depth + 1)
        case .and(let parts): return try combine(parts, all: !negated, negated: negated, depth: depth)
        case .or(let parts): return try combine(parts, all: negated, negated: negated, depth: depth)
        case .isNull(let field):
            return nullTest(try entity.requireColumn(named: field), negated: negated)
        case .compare(let field, let comparison, let value):
            return try compare(field, negated ? comparison.complement : comparison, value, negated: negated)
        case .oneOf(let field, let values): return try oneOf(field, values, negated: negated)
        case .text(let field, let match, let text, let ignoringCase):
            let column = try column(field, .string(text))
            guard ignoresCase || !ignoringCase else {
                throw TenancyError(
                    .unsupported, "The database can't match text without regard to case.",
                    details: .init(entity: entity.name, field: entity.fields[column].name))
            }
            return .text(
                column: column, match, parameter: add(.value(.string(text))), ignoringCase: ignoringCase,
                negated: negated, orNull: negated && isNullable(column))
        }
    }

    /// A condition that was compiled already, and a keyset, of whatever depth that is.
    mutating func compile(_ shape: FilterShape, and keyset: Predicate) throws(TenancyError) -> FilterShape {
        joined([shape, try compile(keyset, depth: .min / 2)], all: true, since: 0)
    }

    private mutating func combine(
        _ parts: [Predicate], all: Bool, negated: Bool, depth: Int
    ) throws(TenancyError) -> FilterShape {
        var shapes: [FilterShape] = []
        let count = parameters.count
        for part in parts { shapes.append(try compile(part, negated: negated, depth: depth + 1)) }
        return joined(shapes, all: all, since: count)
    }

    /// - Parameter since: How many parameters there were before the parts'. Where the parts come to nothing, theirs are
    ///   not sent: a server can't tell the type of a parameter that nothing refers to.
    private mutating func joined(_ parts: [FilterShape], all: Bool, since count: Int) -> FilterShape {
        var shapes: [FilterShape] = []
        for part in parts {
            switch part {
            case .always where all, .never where !all: continue
            case .never where all, .always where !all:
                parameters.removeSubrange(count...)
                return part
            case .and(let inner) where all: shapes += inner
            case .or(let inner) where !all: shapes += inner
            case let shape: shapes.append(shape)
            }
        }
        if shapes.isEmpty { return all ? .always : .never }
        return shapes.count == 1 ? shapes[0] : (all ? .and(shapes) : .or(shapes))
    }

    private mutating func compare(
        _ field: String, _ comparison: Predicate.Comparison, _ value: Value, negated: Bool
    ) throws(TenancyError) -> FilterShape {
        let column = try column(field, value)
        let isEquality = comparison == .equal || comparison == .notEqual
        if value.isNull {
            if isEquality { return nullTest(column, negated: comparison == .notEqual) }
            return negated ? .always : .never
        }
        guard isEquality || entity.fields[column].type.isOrdered else {
            throw invalid("A json field can't be compared by order.", column)
        }
        guard entity.fields[column].type != .json else {
            throw invalid("A json field can't be compared.", column)
        }
        // `!(delay < 5)` holds where there is no delay; `delay >= 5` doesn't.
        let orNull = isNullable(column) && (negated ? comparison != .equal : comparison == .notEqual)
        let stored = canonical(value, column)
        return .compare(column: column, comparison, parameter: add(.value(stored)), orNull: orNull)
    }

    private mutating func oneOf(_ field: String, _ values: [Value], negated: Bool) throws(TenancyError) -> FilterShape {
        var column = try entity.requireColumn(named: field)
        var present: [Value] = []
        var seen: Set<Value> = []
        for value in values where !value.isNull {
            column = try self.column(field, value)
            guard entity.fields[column].type != .json else { throw invalid("A json field can't be compared.", column) }
            let stored = canonical(value, column)
            if seen.insert(stored).inserted { present.append(stored) }
        }
        let withNull = values.contains(where: \.isNull) && isNullable(column)
        if present.isEmpty {
            if withNull { return nullTest(column, negated: negated) }
            return negated ? .always : .never
        }
        let listed = FilterShape.oneOf(
            column: column, parameter: add(.list(present)), negated: negated,
            orNull: negated && isNullable(column) && !withNull)
        guard withNull else { return listed }
        return negated
            ? .and([nullTest(column, negated: true), listed]) : .or([nullTest(column, negated: false), listed])
    }

    private func nullTest(_ column: Int, negated: Bool) -> FilterShape {
        guard isNullable(column) else { return negated ? .always : .never }
        return .isNull(column: column, negated: negated)
    }

    /// The column of a field, after checking that the value can be compared with it.
    private func column(_ field: String, _ value: Value) throws(TenancyError) -> Int {
        let column = try entity.requireColumn(named: field)
        let description = entity.fields[column]
        guard value.isNull || value.type == description.type else {
            throw TenancyError(
                .typeMismatch, "A filter's value is not of the field's type, which is \(description.type.rawValue).",
                details: .init(entity: entity.name, field: field))
        }
        // Too long or too precise a value is equal to nothing, which is no error; one that a driver could not send is.
        if let problem = description.problem(of: value, maximumValueBytes),
            problem.code == .invalidValue, description.type != .decimal || value == .decimal(.nan)
        {
            throw problem.with { $0.entity = entity.name }
        }
        return column
    }

    /// The value as it would be stored, so that what was written can be found by what it was written from.
    private func canonical(_ value: Value, _ column: Int) -> Value {
        switch value {
        case .timestamp(let timestamp):
            .timestamp(timestamp.truncated(to: entity.fields[column].options.timestampPrecision))
        case .double(let double) where double == 0: .double(0)
        default: value
        }
    }

    private func isNullable(_ column: Int) -> Bool { entity.fields[column].isNullable }

    private mutating func add(_ parameter: Parameter) -> Int {
        parameters.append(parameter)
        return parameters.count - 1
    }

    private func invalid(_ message: String, _ column: Int) -> TenancyError {
        TenancyError(.invalidQuery, message, details: .init(entity: entity.name, field: entity.fields[column].name))
    }
}

extension Predicate.Comparison {
    /// The comparison that holds exactly where this one doesn't, between two values that are there.
    var complement: Predicate.Comparison {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .greater: .lessOrEqual
        case .greaterOrEqual: .less
        }
    }
}
