import TenancyCore
import Testing

@Suite("Search terms")
struct SearchTermsTests {
    @Test(
        "Words are runs of letters and digits, folded, each once",
        arguments: [
            ("Chicago O'Hare", ["chicago", "o", "hare"]), ("  ", []), ("", []), ("a a A á Ä", ["a"]),
            ("Zürich-Flughafen 2024", ["zurich", "flughafen", "2024"]), ("!!! ''' \"\" --", []),
            ("foo* OR bar:baz NOT (x) NEAR/2 ^y", ["foo", "or", "bar", "baz", "not", "x", "near", "2", "y"]),
            ("a&b|!c <-> d:*", ["a", "b", "c", "d"]), ("\0\u{1}\n", []), ("東京 Tōkyō", ["東京", "tokyo"]),
            ("e\u{301}te\u{301}", ["ete"]), ("+word -other", ["word", "other"]), ("$where {x}", ["where", "x"]),
        ])
    func words(_ text: String, _ expected: [String]) { #expect(SearchTerms(text).words == expected) }

    @Test("No more than 32 words, none longer than 64 scalars")
    func bounds() {
        let many = SearchTerms((0..<1_000).map { "w\($0)" }.joined(separator: " "))
        #expect(many.words.count == 32)
        #expect(many.words.first == "w0")
        #expect(SearchTerms(String(repeating: "x", count: 1_000_000)).words == [String(repeating: "x", count: 64)])
    }

    @Test("A word holds no character that a search language could take for an operator")
    func harmless() {
        for _ in 0..<300 {
            let scalars = (0..<50).compactMap { _ in Unicode.Scalar(UInt32.random(in: 0...0x2FFF)) }
            for word in SearchTerms(String(String.UnicodeScalarView(scalars))).words {
                #expect(!word.isEmpty)
                #expect(
                    word.unicodeScalars.allSatisfy {
                        !$0.properties.isWhitespace && !"'\"*:()^&|!<>-+~@{}$\\/".unicodeScalars.contains($0)
                    })
            }
        }
    }

    @Test("Texts of ASCII are cut as all others are")
    func ascii() {
        for _ in 0..<300 {
            let text = String(decoding: (0..<100).map { _ in UInt8.random(in: 0..<128) }, as: UTF8.self)
            // A word beyond ASCII behind it, so that it is folded as a whole.
            #expect(SearchTerms.allWords(of: text) + ["日"] == SearchTerms.allWords(of: text + " 日"))
            var once: [String] = []
            for word in SearchTerms.allWords(of: text) where !once.contains(word) { once.append(word) }
            #expect(SearchTerms(text).words == Array(once.prefix(32)))
        }
    }

    @Test("A stored text keeps all its words, as often as they stand there")
    func stored() {
        #expect(SearchTerms.allWords(of: "a b a") == ["a", "b", "a"])
        #expect(SearchTerms.allWords(of: (0..<100).map { "w\($0)" }.joined(separator: " ")).count == 100)
    }

    @Test(
        "Words are found where they stand, with what was folded away",
        arguments: [
            ("Chicago O'Hare, CHICAGO", "chicago hare", false, ["Chicago", "Hare", "CHICAGO"]),
            ("Zürich Zu\u{308}rich zurichs", "zurich", false, ["Zürich", "Zu\u{308}rich"]),
            ("Zürich zurichs", "zuri", true, ["Zürich", "zurichs"]), ("Straße", "strasse", false, ["Straße"]),
            ("one two", "one tw", false, ["one"]), ("", "one", true, []), ("one", "", true, []),
        ])
    func ranges(_ text: String, _ sought: String, _ lastIsPrefix: Bool, _ expected: [String]) {
        #expect(SearchTerms(sought).ranges(in: text, lastIsPrefix: lastIsPrefix).map { String(text[$0]) } == expected)
    }

    @Test("The ranges of a text's own words are its words, in any text")
    func rangesOfAllWords() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let text = (0..<12).map { _ in
                ["a", "Ä", "e\u{301}", " ", "-", "ß", "日", "ﬁ", "①", "'", "9", "\u{301}", "İ", "Σ", "🙂", "\r\n"]
                    .randomElement(
                        using: &random) ?? ""
            }.joined()
            let words = SearchTerms.allWords(of: text)
            let found = SearchTerms(text).ranges(in: text, lastIsPrefix: false)
            #expect(found.flatMap { SearchTerms.allWords(of: String(text[$0])) } == words, "\(text.debugDescription)")
        }
    }
}
