import Foundation

/// The words of a text as full-text search sees them: runs of letters and digits, in lower case and without
/// diacritics.
///
/// Texts are cut into words here, once, so that nothing a user types can be an operator of a database's search
/// language, and every database looks for the same words.
public struct SearchTerms: Sendable, Hashable {
    /// The words in the order of the text, each once.
    public let words: [String]

    /// How many scalars of a word count; the rest of a longer one is cut off.
    static let maximumWordLength = 64

    /// The words of a text; at most 32, longer texts being cut.
    public init(_ text: String) {
        var words: [String] = []
        for word in Self.scalars(of: text).split(whereSeparator: { !Self.isWordScalar($0) }) {
            let word = Self.cut(word)
            if !words.contains(word) { words.append(word) }
            if words.count == 32 { break }
        }
        self.words = words
    }

    /// Every word of a text, each as often as it stands there: what a stored text is found by.
    package static func allWords(of text: String) -> [String] {
        asciiWords(of: text) ?? scalars(of: text).split(whereSeparator: { !isWordScalar($0) }).map(cut)
    }

    /// The words of a text of nothing but ASCII, where only capitals have to be folded; `nil` for any other. Most
    /// texts are so, and Foundation's folding takes ten times as long as all else.
    private static func asciiWords(of text: String) -> [String]? {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var words: [String] = []
        var word: [UInt8] = []
        func finish() {
            if !word.isEmpty { words.append(String(decoding: word.prefix(maximumWordLength), as: UTF8.self)) }
            word.removeAll(keepingCapacity: true)
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): word.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): word.append(byte | 0x20)
            default: finish()
            }
        }
        finish()
        return words
    }

    static func scalars(of text: String) -> String.UnicodeScalarView {
        text.folding(options: [.diacriticInsensitive, .caseInsensitive], locale: nil).lowercased().unicodeScalars
    }

    private static func cut(_ word: Substring.UnicodeScalarView) -> String {
        String(String.UnicodeScalarView(word.prefix(maximumWordLength)))
    }

    static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .privateUse:
            true
        default: false
        }
    }
}
