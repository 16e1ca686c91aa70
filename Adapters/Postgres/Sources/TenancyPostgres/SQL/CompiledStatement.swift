import TenancyCore

/// A statement's text with `$1`, `$2` … for its values, and what each of them is.
///
/// A connection that prepares statements does so once for each ``name`` and runs it by that name from then on.
final class CompiledStatement: Sendable {
    /// A number of text and types, which hardly any two share; ``isSame(as:)`` tells.
    let id: Int
    /// The name under which connections prepare the statement. It is derived from the text and the types, so that a pooler
    /// that hands one process's connection to another has the name either unknown there, or for the same statement.
    let name: String
    /// The text.
    let text: String
    /// The types of the values, as the server numbers them.
    let types: [UInt32]
    /// Where the values come from; empty for statements whose values their callers lay out.
    let sources: [ParameterSource]
    /// Of a selection, ``SelectReach/isNarrow(_:)``.
    let isNarrow: Bool

    convenience init(_ text: String, types: [PostgresType], sources: [ParameterSource] = []) {
        self.init(text, types.map(\.rawValue), sources)
    }

    /// Another statement with the values of a statement that is part of it.
    convenience init(declaring text: String, _ other: CompiledStatement) {
        self.init(text, other.types, [])
    }

    /// A selection.
    convenience init(_ text: String, _ sources: [ParameterSource], isNarrow: Bool) {
        self.init(text, sources.map(\.type.rawValue), sources, isNarrow: isNarrow)
    }

    private init(_ text: String, _ types: [UInt32], _ sources: [ParameterSource], isNarrow: Bool = false) {
        let digest = Self.digest(text, types)
        id = Int(bitPattern: UInt(digest))
        name = "t" + String(digest, radix: 36)
        self.text = text
        self.types = types
        self.sources = sources
        self.isNarrow = isNarrow
    }

    /// Whether the server can't tell the two apart.
    func isSame(as other: CompiledStatement) -> Bool { self === other || (text == other.text && types == other.types) }

    /// FNV-1a of 64 bits.
    private static func digest(_ text: String, _ types: [UInt32]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func combine(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in text.utf8 { combine(byte) }
        for type in types { withUnsafeBytes(of: type.littleEndian) { $0.forEach(combine) } }
        return hash
    }

    convenience init(_ text: String, _ sources: [ParameterSource]) {
        self.init(text, types: sources.map(\.type), sources: sources)
    }
}

/// Where the value of a parameter comes from.
enum ParameterSource: Hashable, Sendable {
    /// The call's tenant.
    case tenant
    /// A value of the statement.
    case value(Int, FieldType)
    /// The end of the range of texts that begin with a value of the statement.
    case endOfPrefix(Int)
    /// A list of the statement.
    case list(Int, FieldType)
    /// The most rows wanted.
    case limit
    /// The words of a search, all or one of which must be there.
    case query
    /// The words of a search as texts: what records are ranked by.
    case words
    /// The value or amount of an assignment.
    case assignment(Int, FieldType)
    /// The words of a text that is assigned.
    case assignedWords(Int)

    var type: PostgresType {
        switch self {
        case .tenant, .endOfPrefix: .text
        case .value(_, let type), .assignment(_, let type): PostgresType(type)
        case .list(_, let type): PostgresType(arrayOf: type)
        case .limit: .int8
        case .query: .tsquery
        case .words: .textArray
        case .assignedWords: .tsvector
        }
    }
}

/// A statement with the values of one run: what a connection is given.
struct BoundStatement: Sendable {
    let statement: CompiledStatement
    let parameters: ParameterBuffer
}

/// The values of one run, before they are laid out as a statement wants them.
struct Arguments {
    var tenant: TenantID
    var parameters: [Parameter] = []
    var limit: Int?
    var search: SearchStatement?
    var assignments: [Value] = []

    init(_ tenant: TenantID, _ parameters: [Parameter] = []) {
        self.tenant = tenant
        self.parameters = parameters
    }

    /// - Throws: ``TenancyError`` if the values don't fit the statement's shape, or are too long.
    func bound(to statement: CompiledStatement) throws(TenancyError) -> BoundStatement {
        // The wire counts values in 16 bits.
        guard statement.sources.count <= Int(UInt16.max) else {
            throw TenancyError(
                .valueTooLarge, "A statement has more than \(UInt16.max) values.",
                hint: "Compare with a list of values instead of with each of them.")
        }
        var buffer = ParameterBuffer(capacity: statement.sources.count)
        for source in statement.sources { try append(source, to: &buffer) }
        try buffer.checkLengths()
        return BoundStatement(statement: statement, parameters: buffer)
    }

    private func append(_ source: ParameterSource, to buffer: inout ParameterBuffer) throws(TenancyError) {
        switch source {
        case .tenant: buffer.append(text: tenant.rawValue)
        case .value(let index, let type): buffer.append(try value(index, type))
        case .endOfPrefix(let index):
            guard case .string(let text) = try value(index, .string) else { throw Self.mismatch }
            buffer.append(text: TextRange.end(of: text))
        case .list(let index, let type):
            guard parameters.indices.contains(index), case .list(let values) = parameters[index],
                values.allSatisfy({ $0.type == type })
            else { throw Self.mismatch }
            buffer.append(array: values, of: type)
        case .limit: buffer.append(integer: Int64(limit ?? 0))
        case .query:
            guard let search else { throw Self.mismatch }
            buffer.append { bytes in
                SearchVector.append(
                    query: search.terms.words, all: search.shape.requiresAllWords,
                    lastIsPrefix: search.shape.lastWordIsPrefix, to: &bytes)
            }
        case .words:
            guard let search else { throw Self.mismatch }
            buffer.append(array: search.terms.words.map { .string($0) }, of: .string)
        case .assignment(let index, let type):
            guard assignments.indices.contains(index), assignments[index].isNull || assignments[index].type == type
            else { throw Self.mismatch }
            buffer.append(assignments[index])
        case .assignedWords(let index):
            guard assignments.indices.contains(index) else { throw Self.mismatch }
            switch assignments[index] {
            case .null: buffer.appendNull()
            case .string(let text): buffer.append { SearchVector.append(text, to: &$0) }
            default: throw Self.mismatch
            }
        }
    }

    /// A value of another type than its column's would be read as that type's bytes, so it is refused here.
    private func value(_ index: Int, _ type: FieldType) throws(TenancyError) -> Value {
        guard parameters.indices.contains(index), case .value(let value) = parameters[index], value.type == type else {
            throw Self.mismatch
        }
        return value
    }

    private static var mismatch: TenancyError {
        TenancyError(.typeMismatch, "The values of a statement are not of the types that its shape has.")
    }
}
