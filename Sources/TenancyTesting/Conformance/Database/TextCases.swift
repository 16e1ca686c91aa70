import Foundation
import Tenancy
import TenancyCore

// Order and matches of text.
extension DatabaseConformance {
    static func addTextCases(_ list: inout CaseList) {
        list.begin("text")
        list.add("order is that of code points, where UTF-16 has another") { t in
            let texts = ["\u{1F600}", "\u{E000}", "\u{FFFD}", "z", "\u{10000}", "\u{FF5E}", "é", "\u{10FFFF}", "a"]
            let handle = try await t.tenant()
            try await handle.bulkCreate(texts.map { Sample(id: $0, text: $0) })
            let expected = ["a", "z", "é", "\u{E000}", "\u{FF5E}", "\u{FFFD}", "\u{10000}", "\u{1F600}", "\u{10FFFF}"]
            let query = handle.query(Sample.self)
            t.expectEqual(try await query.sorted(by: \.text).all().map(\.id), expected, "ascending, by text")
            t.expectEqual(try await query.sorted(by: \.id).all().map(\.id), expected, "ascending, by key")
            t.expectEqual(
                try await query.sorted(by: \.text, .descending).all().map(\.id), expected.reversed(), "descending")
            t.expectEqual(
                try await query.where { $0.text > "\u{E000}" }.count(), 5, "beyond a character of private use")
        }
        list.add("upper case comes before lower case") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(["b", "A", "a", "B", "_", "Z"].map { Sample(id: $0, text: $0) })
            let sorted = try await handle.query(Sample.self).sorted(by: \.text).all().map(\.id)
            t.expectEqual(sorted, ["A", "B", "Z", "_", "a", "b"], "sorted")
        }
        list.add("a text comes before its continuations") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(["ab", "a", "", "a b", "a!", "aa"].map { Sample(id: "k" + $0, text: $0) })
            let sorted = try await handle.query(Sample.self).sorted(by: \.text).all().map(\.text)
            t.expectEqual(sorted, ["", "a", "a b", "a!", "aa", "ab"], "sorted")
        }
        list.add("equality minds case and accents") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                ["strasse", "straße", "Straße", "resume", "résumé"].map { Sample(id: $0, text: $0) })
            let query = handle.query(Sample.self)
            for text in ["strasse", "straße", "Straße", "resume", "résumé"] {
                t.expectEqual(try await query.where { $0.text == text }.all().map(\.id), [text], text)
            }
            t.expectEqual(try await query.where { $0.text == "RESUME" }.count(), 0, "another case")
        }
        let wild = [
            "%", "_", "\\", "*", "?", "[a]", "^", "$", ".", "(", "'", "\"", "%%", "a%b", "a_b", "a\\b", "a*b", "a.b",
            "ab",
        ]
        for (name, match) in [("prefix", Condition.TextMatch.prefix), ("contains", .contains), ("whole", .whole)] {
            list.add("\(name): no character is special") { t in
                try await t.matches(wild.map { "x" + $0 } + wild, wild + wild.map { "x" + $0 }, match)
            }
            list.add("\(name): text of every plane") { t in
                let texts = ["日本語", "日本", "本語", "😀x", "😀", "e\u{301}", "é", "e", "\u{E000}", "\u{10FFFF}a", "", "👩‍👧"]
                try await t.matches(texts, texts, match)
            }
            list.add("\(name): minds case unless told otherwise") { t in
                let texts = ["abc", "ABC", "aBc", "bcd", "BCD", "", "xABCx", "aabbcc"]
                try await t.matches(texts, ["a", "A", "abc", "ABC", "b", "BC", ""], match)
            }
            list.add("\(name): ignoring case, of ASCII", needs: .ignoringCase) { t in
                let texts = ["abc", "ABC", "aBc", "bcd", "BCD", "", "x%ABCx", "a_b", "AzB", "[k]", "@`{"]
                try await t.matches(
                    texts, ["a", "A", "aBC", "b", "BC", "", "%a", "A_B", "[K", "`", "@"], match, ignoringCase: true)
            }
            list.add("\(name): ignoring case, of other scripts", needs: .ignoringCase) { t in
                let texts = ["ÄÖÜ", "äöü", "Éa", "éA", "ПРИВЕТ", "привет", "Σίσυφος", "ΑΒΓ", "αβγ", "ǅ", "Ǆ", "ǆ"]
                try await t.matches(texts, ["ä", "Ä", "é", "При", "αβ", "ИВЕ", "Öü", "ǆ"], match, ignoringCase: true)
            }
        }
        list.add("an empty prefix and an empty part match every text, and no absence") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Sample(id: "n"), Sample(id: "e", optionalText: ""), Sample(id: "a", optionalText: "a"),
            ])
            let query = handle.query(Sample.self)
            t.expectEqual(try await query.where { $0.optionalText.hasPrefix("") }.count(), 2, "prefix")
            t.expectEqual(try await query.where { $0.optionalText.contains("") }.count(), 2, "part")
            t.expectEqual(try await query.where { !$0.optionalText.contains("") }.count(), 1, "complement")
        }
        list.add("prefixes at the end of the code points") { t in
            let texts = [
                "\u{10FFFF}", "\u{10FFFF}\u{10FFFF}", "\u{10FFFF}a", "a\u{10FFFF}", "a", "b", "\u{D7FF}", "\u{D7FF}x",
                "\u{E000}", "\u{7F}", "\u{7F}x", "\u{80}",
            ]
            try await t.matches(
                texts, ["\u{10FFFF}", "a\u{10FFFF}", "\u{D7FF}", "\u{7F}", "\u{10FFFF}\u{10FFFF}"], .prefix)
        }
        list.add("matches in long texts") { t in
            let long = String(repeating: "abc", count: 2_000)
            try await t.matches(
                [long, long + "X", "X" + long], ["X", "abcX", String(long.prefix(3_000)), "Xa"], .contains)
        }
    }
}

extension DatabaseCaseContext {
    fileprivate func matches(
        _ texts: [String], _ sought: [String], _ match: TenancyCore.Predicate.TextMatch, ignoringCase: Bool = false
    ) async throws {
        let handle = try await tenant()
        let samples = (texts.map { .some($0) } + [nil]).enumerated().map {
            Sample(id: "\(zeroPadded: $0)", text: $1 ?? "", optionalText: $1)
        }
        try await handle.bulkCreate(samples)
        for part in sought {
            let plain = TenancyCore.Predicate.text(field: "text", match, part, ignoringCase: ignoringCase)
            let optional = TenancyCore.Predicate.text(field: "optional_text", match, part, ignoringCase: ignoringCase)
            try await agrees([plain, optional, .not(plain), .not(optional)], of: samples, handle)
        }
    }
}
