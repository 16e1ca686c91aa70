import Foundation
import Tenancy
import TenancyCore

// Full-text search: who is found, who comes first, and that nothing a user types means anything else.
extension DatabaseConformance {
    static func addSearchCases(_ list: inout CaseList) {
        list.begin("search")
        addMatchCases(&list)
        addRankCases(&list)
        addSearchChangeCases(&list)
    }

    private static func addMatchCases(_ list: inout CaseList) {
        list.add("finds words in every search field, and in no other", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "Red apples", body: "Green pears", section: "plums"),
                Article(id: 2, title: "Nothing", body: nil, section: "apples"),
            ])
            t.expectEqual(try await t.found(handle, "apples"), [1], "in the title")
            t.expectEqual(try await t.found(handle, "pears"), [1], "in the body")
            t.expectEqual(try await t.found(handle, "plums"), [], "in a field that is not searched")
            t.expectEqual(try await t.found(handle, "nothing"), [2], "beside an absent body")
        }
        list.add("all words, in whatever fields, or any of them", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "chicago", body: "o'hare"), Article(id: 2, title: "chicago midway"),
                Article(id: 3, title: "o hare and tortoise"),
            ])
            t.expectEqual(try await t.found(handle, "chicago o'hare"), [1], "all words")
            let any = SearchOptions(requiresAllWords: false)
            t.expectEqual(Set(try await t.found(handle, "chicago o'hare", any)), [1, 2, 3], "any word")
            t.expectEqual(try await t.found(handle, "chicago nowhere"), [], "a word that is nowhere")
            t.expectEqual(Set(try await t.found(handle, "chicago nowhere", any)), [1, 2], "any of two")
        }
        list.add("the last word may be a beginning, others not", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "departure delayed"), Article(id: 2, title: "dep del"),
            ])
            t.expectEqual(Set(try await t.found(handle, "del")), [1, 2], "one word")
            t.expectEqual(try await t.found(handle, "departure del"), [1], "the last")
            t.expectEqual(try await t.found(handle, "dep delayed"), [], "not the first")
            let whole = SearchOptions(lastWordIsPrefix: false)
            t.expectEqual(try await t.found(handle, "del", whole), [2], "whole words")
            t.expectEqual(try await t.found(handle, "elayed"), [], "an end")
        }
        list.add("case doesn't matter", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "BOEING"), Article(id: 2, title: "boeing"),
                Article(id: 3, title: "ÄRZTE ΑΘΗΝΑ Привет"),
            ])
            for text in ["boeing", "BOEING", "BoEiNg"] {
                t.expectEqual(Set(try await t.found(handle, text)), [1, 2], text)
            }
            for text in ["ärzte", "ÄRZTE", "αθηνα", "ПРИВЕТ"] {
                t.expectEqual(try await t.found(handle, text), [3], text)
            }
        }
        list.add("diacritics don't matter, composed or combining", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "Z\u{FC}rich caf\u{E9}"), Article(id: 2, title: "Zurich cafe"),
                Article(id: 3, title: "Zu\u{308}rich cafe\u{301}"),
            ])
            for text in ["zurich", "z\u{FC}rich", "zu\u{308}rich", "cafe", "caf\u{E9}", "CAFE\u{301}"] {
                t.expectEqual(Set(try await t.found(handle, text)), [1, 2, 3], text)
            }
        }
        list.add("words of other scripts, digits and letters beyond the first plane", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "日本語 テスト"), Article(id: 2, title: "flight 4711 b52"),
                Article(id: 3, title: "\u{20000}\u{20001} astral"), Article(id: 4, title: "مرحبا بالعالم"),
            ])
            t.expectEqual(try await t.found(handle, "日本語"), [1], "Japanese")
            t.expectEqual(try await t.found(handle, "4711"), [2], "digits")
            t.expectEqual(try await t.found(handle, "B52"), [2], "letters and digits")
            t.expectEqual(try await t.found(handle, "\u{20000}\u{20001}"), [3], "astral letters")
            t.expectEqual(try await t.found(handle, "مرحبا"), [4], "Arabic")
        }
        list.add("punctuation cuts words", needs: .search) { t in
            let handle = try await t.articles([Article(id: 1, title: "state-of-the-art: C++, foo_bar; a.b@c/d")])
            for text in ["state", "art", "c", "foo", "bar", "foo bar", "foo-bar", "a b", "a.b@c/d", "of the art"] {
                t.expectEqual(try await t.found(handle, text), [1], text)
            }
        }
        list.add("nothing in a text is an operator", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "alpha beta"), Article(id: 2, title: "alpha gamma"),
                Article(id: 3, title: "near or and not col x 1"),
            ])
            let texts = [
                "\" OR 1=1 --", "NEAR(", "NEAR(alpha beta, 5)", "*", "alpha*", "* alpha", "col:x", "title:alpha",
                "title : alpha",
                "\"alpha", "alpha\"", "'alpha", "\"alpha gamma\" OR beta", "alpha OR gamma", "alpha AND beta",
                "alpha NOT beta",
                "-alpha", "+alpha", "^alpha", "alpha ^", "(alpha", "alpha)", "((", "{alpha}", "[alpha]", "alpha & beta",
                "alpha | gamma", "!alpha", "alpha:*", "<->", "alpha <-> beta", "~alpha", "alpha~2", "@@", "%", "_",
                "\\", "alpha\\",
                "$text", "{\"$ne\": 1}", ";", "--", "/* alpha */", "alpha\n\r\tbeta", "a\u{0}b", "\u{0}", "\u{FEFF}",
                "🙂", "NOT", "AND", "OR",
            ]
            for text in texts {
                let words = SearchTerms(text).words
                let found = try await t.found(handle, text)
                let expected = Set(
                    [
                        (1, ["alpha", "beta"]), (2, ["alpha", "gamma"]),
                        (3, ["near", "or", "and", "not", "col", "x", "1"]),
                    ].filter { _, stored in
                        !words.isEmpty
                            && words.enumerated().allSatisfy { position, word in
                                stored.contains { position == words.count - 1 ? $0.hasPrefix(word) : $0 == word }
                            }
                    }.map { Int64($0.0) })
                t.expectEqual(Set(found), expected, "'\(text)'")
                _ = try await t.found(handle, text, SearchOptions(requiresAllWords: false, lastWordIsPrefix: false))
            }
        }
        list.add("a text without a word finds nothing", needs: .search) { t in
            let handle = try await t.articles([Article(id: 1, title: "alpha")])
            for text in ["", " ", "\t\n", "---", "\"\"", "...", "!?"] {
                t.expectEqual(try await t.found(handle, text), [], "'\(text)'")
            }
        }
        list.add("very long texts and very many words", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "alpha", body: String(repeating: "w", count: 5_000))
            ])
            t.expectEqual(try await t.found(handle, String(repeating: "x", count: 100_000)), [], "one long word")
            let many = (0..<1_000).map { "w\($0)" }.joined(separator: " ")
            t.expectEqual(
                try await t.found(handle, "alpha " + many, SearchOptions(requiresAllWords: false)), [1], "many words")
            t.expectEqual(try await t.found(handle, "alpha alpha alpha"), [1], "one word thrice")
        }
    }

    private static func addRankCases(_ list: inout CaseList) {
        list.add("a match in a field of more weight comes first", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "one two three", body: "penguin four five"),
                Article(id: 2, title: "penguin two three", body: "one four five"),
                Article(id: 3, title: "six seven eight", body: "nine ten eleven"),
            ])
            t.expectEqual(try await t.found(handle, "penguin"), [2, 1], "order")
        }
        list.add("more of the words come first", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "red house by the sea"), Article(id: 2, title: "red boat on the lake"),
                Article(id: 3, title: "red boat by the sea"), Article(id: 4, title: "green hill far away"),
            ])
            let hits = try await t.found(handle, "boat sea", SearchOptions(requiresAllWords: false))
            t.expectEqual(hits.first, 3, "the best")
            t.expectEqual(Set(hits), [1, 2, 3], "all")
        }
        list.add("scores fall, and equal ones come in the order of keys", needs: .search) { t in
            let handle = try await t.articles(
                (0..<20).map { Article(id: 19 - $0, title: "same words here") } + [
                    Article(id: 50, title: "words words", body: "words")
                ])
            let hits = try await handle.search(Article.self, "words", limit: 30)
            for (first, second) in zip(hits, hits.dropFirst()) {
                t.expect(first.score >= second.score, "a score of \(first.score) before \(second.score)")
                if first.score == second.score { t.expect(first.element.id < second.element.id, "keys in order") }
            }
            t.expectEqual(hits.count, 21, "hits")
            t.expect(hits.allSatisfy { $0.score > 0 && $0.score.isFinite }, "scores are positive")
        }
        list.add("scores are those of SearchScore, to the last bit", needs: .search) { t in
            let texts = [
                "penguin", "penguin penguins penguinlike", String(repeating: "penguin ", count: 300),
                String(repeating: "filler penguin ", count: 10_000), "Pénguin PENGUIN, of the 7 seas",
                "seas penguin seas",
                (0..<400).map { "penguin\($0)" }.joined(separator: " "), "nothing of it",
            ]
            let articles = texts.enumerated().map {
                Article(id: Int64($0.offset), title: $0.element, body: texts[texts.count - 1 - $0.offset])
            }
            let handle = try await t.articles(articles)
            let weights = Article.schema.description.searchFields.map(\.weight)
            for (text, lastIsPrefix) in [
                ("penguin", false), ("penguin", true), ("seas of penguin", true), ("7 se", true),
            ] {
                let words = SearchTerms(text).words
                let options = SearchOptions(requiresAllWords: false, lastWordIsPrefix: lastIsPrefix)
                for hit in try await handle.search(Article.self, text, options: options) {
                    let fields = [hit.element.title, hit.element.body ?? ""].map {
                        SearchScore.ofField(SearchScore.counts(of: words, lastIsPrefix: lastIsPrefix, in: $0))
                    }
                    let expected = zip(weights, fields).reduce(0) { $0 + $1.0 * $1.1 }
                    t.expectEqual(hit.score, expected, "'\(text)' in \(hit.element.id)")
                }
            }
        }
        list.add("the limit takes the best", needs: .search) { t in
            let handle = try await t.articles(
                (0..<30).map { Article(id: Int64($0), title: "filler text number \($0)", body: "penguin") } + [
                    Article(id: 99, title: "penguin")
                ])
            t.expectEqual(try await t.found(handle, "penguin", limit: 1), [99], "one")
            t.expectEqual(try await t.found(handle, "penguin", limit: 5).count, 5, "five")
            t.expectEqual(try await t.found(handle, "penguin", limit: 0), [], "none")
            await t.expectThrows(.valueTooLarge) { try await handle.search(Article.self, "penguin", limit: 1_001) }
            await t.expectThrows(.invalidQuery) { try await handle.search(Article.self, "penguin", limit: -1) }
        }
    }

    private static func addSearchChangeCases(_ list: inout CaseList) {
        list.add("follows every kind of write", needs: .search) { t in
            let handle = try await t.articles([Article(id: 1, title: "before"), Article(id: 2, title: "before")])
            try await handle.update(Article(id: 1, title: "after"))
            t.expectEqual(try await t.found(handle, "before"), [2], "after an update")
            t.expectEqual(try await t.found(handle, "after"), [1], "after an update, the new word")
            try await handle.upsert(Article(id: 2, title: "upserted"))
            t.expectEqual(try await t.found(handle, "before"), [], "after an upsert")
            try await handle.query(Article.self).where { $0.id == 2 }.update(.set(\.body, to: "filtered"))
            t.expectEqual(try await t.found(handle, "filtered upserted"), [2], "after an update by filter")
            try await handle.bulkUpdate(
                [Article(id: 1, title: "bulk"), Article(id: 2, title: "bulk")], options: BulkOptions(atomicity: .batch))
            t.expectEqual(Set(try await t.found(handle, "bulk")), [1, 2], "after a bulk update")
            t.expectEqual(try await t.found(handle, "filtered"), [], "a body that is gone")
            try await handle.delete(Article.self, 1)
            t.expectEqual(try await t.found(handle, "bulk"), [2], "after a delete")
            try await handle.query(Article.self).delete()
            t.expectEqual(try await t.found(handle, "bulk"), [], "after a delete by filter")
            try await handle.create(Article(id: 1, title: "again"))
            t.expectEqual(try await t.found(handle, "again"), [1], "after a create")
            t.expectEqual(try await t.found(handle, "bulk"), [], "of the record that had that key before")
        }
        list.add("does not find what failed or was rolled back", needs: .search, .transactions) { t in
            let handle = try await t.articles([Article(id: 1, title: "stays")])
            await t.rolledBack(handle) { inside in
                try await inside.create(Article(id: 2, title: "ghost"))
                try await inside.update(Article(id: 1, title: "ghost"))
                t.expectEqual(Set(try await t.found(inside, "ghost")), [1, 2], "inside")
            }
            t.expectEqual(try await t.found(handle, "ghost"), [], "after a rollback")
            t.expectEqual(try await t.found(handle, "stays"), [1], "what was there")
            await t.expectThrows(.uniqueViolation) {
                try await handle.bulkCreate([Article(id: 3, title: "ghost"), Article(id: 1, title: "ghost")])
            }
            t.expectEqual(try await t.found(handle, "ghost"), [], "after a failed write")
        }
        list.add("takes a condition beside it", needs: .search) { t in
            let handle = try await t.articles([
                Article(id: 1, title: "storm", section: "news"), Article(id: 2, title: "storm", section: "sport"),
                Article(id: 3, title: "storm", body: "x", section: "news"),
                Article(id: 4, title: "calm", section: "news"),
            ])
            let news = SearchOptions(filter: .compare(field: "section", .equal, "news"))
            t.expectEqual(Set(try await t.found(handle, "storm", news)), [1, 3], "equal")
            let absent = SearchOptions(filter: .and([.isNull(field: "body"), .not(.oneOf(field: "id", [1]))]))
            t.expectEqual(try await t.found(handle, "storm", absent), [2], "several")
            t.expectEqual(try await t.found(handle, "storm", SearchOptions(filter: .never)), [], "never")
            await t.expectThrows(.unknownField) {
                try await t.found(handle, "storm", SearchOptions(filter: .isNull(field: "x")))
            }
        }
        list.add("finds each tenant's own records only", needs: .search) { t in
            let a = try await t.articles([Article(id: 1, title: "shared secret a")], "a")
            let b = try await t.articles(
                [Article(id: 1, title: "shared secret b"), Article(id: 2, title: "only b")], "b")
            t.expectEqual(try await t.found(a, "shared"), [1], "a")
            t.expectEqual(
                try await a.search(Article.self, "shared").map(\.element.title), ["shared secret a"], "a's title")
            t.expectEqual(try await t.found(a, "only"), [], "b's word in a")
            t.expectEqual(try await t.found(b, "a"), [], "a's word in b")
            try await a.query(Article.self).delete()
            t.expectEqual(
                Set(try await t.found(b, "shared only", SearchOptions(requiresAllWords: false))), [1, 2],
                "b after a's delete")
        }
        list.add("returns whole records, untyped too", needs: .search) { t in
            let article = Article(id: 7, title: "Whole record", body: nil, section: "x")
            let handle = try await t.articles([article])
            t.expectSame(try await handle.search(Article.self, "whole").map(\.element), [article])
            let hits = try await handle.records(Article.schema.description.name).search("record")
            t.expectEqual(hits.map { $0.element["section"] }, ["x"], "untyped")
        }
        list.add("of an entity without search fields is refused", needs: .search) { t in
            let handle = try await t.tenant()
            await t.expectThrows(.invalidQuery) { try await handle.search(Item.self, "x") }
        }
    }
}

extension DatabaseCaseContext {
    func articles(_ articles: [Article], _ name: String = "a") async throws -> TenantHandle {
        let handle = try await tenant(name)
        try await handle.bulkCreate(articles, options: BulkOptions(atomicity: .batch))
        return handle
    }

    func found(
        _ handle: TenantHandle, _ text: String, _ options: SearchOptions = SearchOptions(), limit: Int = 100
    ) async throws -> [Int64] {
        try await handle.search(Article.self, text, limit: limit, options: options).map(\.element.id)
    }
}
