import Foundation

/// The words of a text as full-text search sees them: runs of letters and digits, in lower case and without
/// diacritics.
///
/// Texts are cut into words here, once, so that nothing a user types can be an operator of a database's search
/// language, and every database looks for the same words.
public struct SearchTerms: Sendable, Hashable {
    /// The words in the order of the text, each once.
    public let words: [String]

    /// The words of a text; at most 32, longer texts being cut.
    public init(_ text: String) {
        let folded = text.folding(options: [.diacriticInsensitive, .caseInsensitive], locale: nil).lowercased()
        var words: [String] = []
        for word in folded.unicodeScalars.split(whereSeparator: { !Self.isWordScalar($0) }) {
            let word = String(String.UnicodeScalarView(word.prefix(64)))
            if !words.contains(word) { words.append(word) }
            if words.count == 32 { break }
        }
        self.words = words
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .privateUse:
            true
        default: false
        }
    }
}
