import TenancyCore

/// Writes predicates and texts as bytes that are the same in every process and different for different content: each
/// part begins with its length.
struct CanonicalWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(bytes part: some Collection<UInt8>) {
        withUnsafeBytes(of: UInt64(part.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: part)
    }

    mutating func write(_ text: String) { write(bytes: text.utf8) }

    mutating func write(_ values: [Value]) { write(bytes: RowBuffer.wire(values)) }

    mutating func write(_ predicate: Predicate) {
        switch predicate {
        case .always: write("always")
        case .never: write("never")
        case .isNull(let field): write("null", field)
        case .compare(let field, let comparison, let value):
            write("compare", field, comparison.name, value.type?.rawValue ?? "null")
            write([value])
        case .oneOf(let field, let values):
            write("oneOf", field, String(values.count))
            write(values)
        case .text(let field, let match, let text, let ignoringCase):
            write("text", field, match.name, text, String(ignoringCase))
        case .not(let inner):
            write("not")
            write(inner)
        case .and(let parts): write("and", parts)
        case .or(let parts): write("or", parts)
        }
    }

    private mutating func write(_ name: String, _ parts: [Predicate]) {
        write(name, String(parts.count))
        for part in parts { write(part) }
    }

    private mutating func write(_ texts: String...) {
        for text in texts { write(text) }
    }
}

extension Predicate.Comparison {
    fileprivate var name: String {
        switch self {
        case .equal: "="
        case .notEqual: "!="
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }
}

extension Predicate.TextMatch {
    fileprivate var name: String {
        switch self {
        case .prefix: "prefix"
        case .contains: "contains"
        case .whole: "whole"
        }
    }
}
