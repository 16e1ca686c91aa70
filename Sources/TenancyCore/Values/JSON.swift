import Foundation

/// A JSON document, kept as text and parsed only when asked.
///
/// Two documents are equal when they mean the same, whatever their spacing and the order of their members, because
/// that is what survives in a database.
public struct JSON: Sendable {
    /// The document's text.
    public let text: String

    /// Takes a text that is known to be a JSON document, such as one that a database returns.
    public init(trusted text: String) { self.text = text }

    /// Parses a document.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue`` if the text is no JSON document.
    public init(parsing text: String) throws(TenancyError) {
        _ = try JSONValue(parsing: text)
        self.text = text
    }

    /// A document of that value, its members in the order of their names.
    public init(_ value: JSONValue) { text = value.text }

    /// A document made from any encodable value.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue`` if the value can't be encoded.
    public init(encoding value: some Encodable) throws(TenancyError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            text = String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw TenancyError(.invalidValue, "A value of type \(type(of: value)) can't be encoded as JSON.")
        }
    }

    /// The document's parsed value.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if the stored text is no JSON document.
    public func value() throws(TenancyError) -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw TenancyError(.corrupted, "A stored JSON document can't be parsed.")
        }
    }

    /// The document decoded as a type.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/typeMismatch`` if it has another form.
    public func decode<Result: Decodable>(_ type: Result.Type = Result.self) throws(TenancyError) -> Result {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw TenancyError(.typeMismatch, "A JSON document can't be decoded as \(type).")
        }
    }
}

extension JSON: Hashable {
    /// Whether both documents mean the same.
    public static func == (left: JSON, right: JSON) -> Bool {
        if left.text.utf8.elementsEqual(right.text.utf8) { return true }
        guard let left = try? left.value(), let right = try? right.value() else { return false }
        return left == right
    }

    /// Hashes what the document means.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(try? value())
    }
}
