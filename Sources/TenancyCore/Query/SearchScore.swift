/// How well a text matches the words of a search.
///
/// A score depends on nothing but the record's own texts: statistics of other records, such as how rare a word is,
/// would tell a tenant what others store.
package enum SearchScore {
    /// The most that a word is counted in a field: what PostgreSQL keeps of one. Beyond it a score hardly changes.
    package static let maximumCount = 255

    /// How often each word stands in a text, up to ``maximumCount``; of the last one also what begins with it, if it may
    /// be a beginning.
    package static func counts(of words: [String], lastIsPrefix: Bool, in text: String) -> [Int] {
        let stored = SearchTerms.allWords(of: text)
        return words.enumerated().map { position, word in
            let count =
                lastIsPrefix && position == words.count - 1
                ? stored.count { $0.utf8.starts(with: word.utf8) } : stored.count { $0 == word }
            return min(count, maximumCount)
        }
    }

    /// The score of one field, before its weight. A record's score is the sum of its fields' scores by their weights,
    /// in the order of the fields.
    ///
    /// A word counts the more the oftener it stands in a field, but never as much as two different words.
    package static func ofField(_ counts: [Int]) -> Double {
        counts.reduce(0) { $1 == 0 ? $0 : $0 + (1 - 1 / Double($1 + 1)) }
    }
}
