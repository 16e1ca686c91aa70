/// The range of texts that begin with a prefix, in the order of code points.
enum TextRange {
    /// A text that is greater than every text with that prefix and less or equal to every greater text without it.
    ///
    /// The last code point is counted on. The greatest one can't be, so it is dropped and the one before is counted
    /// on; surrogates are no code points of a text and are stepped over. Where nothing is left, the bound is a run of
    /// the greatest code point that is longer than a text of it could be expected to be; a bound that may be absent
    /// would keep the index from being used.
    static func end(of prefix: String) -> String {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            if last.value == 0x10FFFF { continue }
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = Unicode.Scalar(next) else { continue }
            scalars.append(scalar)
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return String(text)
        }
        return String(repeating: "\u{10FFFF}", count: prefix.unicodeScalars.count + 64)
    }
}
