import TenancyCore

/// Words as the server's full-text search holds them and looks for them, in its binary forms.
///
/// Texts are cut and folded here, by ``SearchTerms``, and not by the server, whose rules depend on its configuration,
/// its dictionaries and its version. In this form there is no syntax, so that no text can be taken for an operator.
enum SearchVector {
    /// The server's bound on the words of one vector, with room for what it adds to each.
    private static let maximumBytes = 900_000
    /// Appends a `tsvector` with the words of a text. A word's positions only tell how often it stands there, which the
    /// true ones would not do in a long text: the server keeps none beyond 16,383.
    ///
    /// Words beyond the server's bound of about 1 MB of different words are left out: a text as long as that is found
    /// by its first words.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var counts: [String: UInt16] = [:]
        var size = 0
        for word in SearchTerms.allWords(of: text) {
            let count = counts[word, default: 0]
            if count == SearchScore.maximumCount { continue }
            size += count == 0 ? word.utf8.count + 16 : 2
            if size > maximumBytes { break }
            counts[word] = count + 1
        }
        bytes.append(wire: Int32(counts.count))
        // The server sorts words that come in another order than its own, and is spared that.
        for (word, count) in counts.sorted(by: { serverOrder($0.key, $1.key) }) {
            bytes.append(contentsOf: word.utf8)
            bytes.append(0)
            bytes.append(wire: count)
            for place in 1...count { bytes.append(wire: place) }
        }
    }

    /// The order in a vector: by bytes, where a word that begins another comes first.
    private static func serverOrder(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// Appends a `tsquery` for some words, of which all or one must be there.
    static func append(query words: [String], all: Bool, lastIsPrefix: Bool, to bytes: inout [UInt8]) {
        let (value, operation): (UInt8, UInt8) = (1, 2)
        let (and, or): (UInt8, UInt8) = (2, 3)
        bytes.append(wire: Int32(words.isEmpty ? 0 : words.count * 2 - 1))
        for (position, word) in words.enumerated() {
            let isLast = position == words.count - 1
            // An operator stands before its two operands, of which the second is all the rest.
            if !isLast {
                bytes.append(operation)
                bytes.append(all ? and : or)
            }
            bytes.append(value)
            bytes.append(0)
            bytes.append(isLast && lastIsPrefix ? 1 : 0)
            bytes.append(contentsOf: word.utf8)
            bytes.append(0)
        }
    }
}

extension ParameterBuffer {
    /// Adds the words of a text, or nothing where there is no text.
    mutating func append(wordsOf column: ColumnBuffer, row: Int) {
        if column.nulls[row] { appendNull() } else { append { SearchVector.append(column.strings[row], to: &$0) } }
    }

    /// Adds the words of some rows' texts as an array.
    mutating func append(arrayOfWordsOf column: ColumnBuffer, rows: Range<Int>) {
        append { bytes in
            bytes.beginArray(
                of: .tsvector, count: rows.count, hasNulls: column.nulls[rows].contains(true))
            for row in rows {
                if column.nulls[row] {
                    bytes.appendNullElement()
                } else {
                    bytes.appendElement { SearchVector.append(column.strings[row], to: &$0) }
                }
            }
        }
    }
}
