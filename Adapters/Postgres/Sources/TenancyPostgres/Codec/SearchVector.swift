import TenancyCore

/// Words as the server's full-text search holds them and looks for them, in its binary forms.
///
/// Texts are cut and folded here, by ``SearchTerms``, and not by the server, whose rules depend on its configuration,
/// its dictionaries and its version. In this form there is no syntax, so that no text can be taken for an operator.
enum SearchVector {
    /// The server's bound on the words of one vector, with room for what it adds to each.
    private static let maximumBytes = 900_000
    /// The server keeps so many positions of one word, of which none is greater than the second number.
    private static let maximumPositions = 255
    private static let maximumPosition = 16_383

    /// Appends a `tsvector` with the words of a text.
    ///
    /// Words beyond the server's bound of about 1 MB of different words are left out: a text as long as that is found
    /// by its first words.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var positions: [String: [UInt16]] = [:]
        var size = 0
        for (index, word) in SearchTerms.allWords(of: text).enumerated() {
            let position = UInt16(min(index + 1, maximumPosition))
            if positions[word] == nil {
                size += word.utf8.count + 16
                if size > maximumBytes { break }
                positions[word] = [position]
            } else if let known = positions[word], known.count < maximumPositions, known.last != position {
                size += 2
                if size > maximumBytes { break }
                positions[word]?.append(position)
            }
        }
        bytes.append(wire: Int32(positions.count))
        // The server sorts words that come in another order than its own, and is spared that.
        for (word, places) in positions.sorted(by: { serverOrder($0.key, $1.key) }) {
            bytes.append(contentsOf: word.utf8)
            bytes.append(0)
            bytes.append(wire: UInt16(places.count))
            for place in places { bytes.append(wire: place) }
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
