extension SearchTerms {
    /// Where these words stand in a text; of the last one also what begins with it, if it may be a beginning.
    package func ranges(in text: String, lastIsPrefix: Bool) -> [Range<String.Index>] {
        var ranges: [Range<String.Index>] = []
        var word = ""
        var begin = text.startIndex
        var end = text.startIndex
        func finish() {
            defer { word = "" }
            guard !word.isEmpty else { return }
            let cut = String(String.UnicodeScalarView(word.unicodeScalars.prefix(Self.maximumWordLength)))
            let isPrefix = lastIsPrefix && words.last.map { cut.utf8.starts(with: $0.utf8) } == true
            if isPrefix || words.contains(where: { $0.utf8.elementsEqual(cut.utf8) }) { ranges.append(begin..<end) }
        }
        // By characters, each folded by itself, so that what was folded away still belongs to the word around it.
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            let folded = Self.scalars(of: String(text[index]))
            if folded.isEmpty { end = next }
            for scalar in folded {
                if Self.isWordScalar(scalar) {
                    if word.isEmpty { begin = index }
                    word.unicodeScalars.append(scalar)
                    end = next
                } else {
                    finish()
                }
            }
            index = next
        }
        finish()
        return ranges
    }
}
