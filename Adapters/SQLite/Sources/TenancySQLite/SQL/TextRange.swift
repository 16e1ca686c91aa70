/// The range of texts that begin with a prefix, in the order of code points.
enum TextRange {
    /// The least text that is greater than every text with that prefix; `nil` if there is none.
    ///
    /// The last code point is counted on. The greatest one can't be, so it is dropped and the one before is counted
    /// on; surrogates are no code points of a text and are stepped over.
    static func end(of prefix: String) -> String? {
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
        return nil
    }
}
