/// The order of decimals by their canonical texts, without making numbers of them: what a database compares with for
/// each step through an index.
enum DecimalOrder {
    /// Negative, zero or positive, as `memcmp` says it.
    ///
    /// Texts that are no canonical decimals get some order too, because an index must have one.
    static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int32 {
        let (leftSign, rightSign) = (sign(left), sign(right))
        if leftSign != rightSign { return leftSign < rightSign ? -1 : 1 }
        if leftSign == 0 { return 0 }
        let order = compareMagnitudes(digits(left), digits(right))
        return leftSign < 0 ? -order : order
    }

    private static let minus = UInt8(ascii: "-")
    private static let point = UInt8(ascii: ".")
    private static let zero = UInt8(ascii: "0")

    private static func sign(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        guard text.contains(where: { $0 != zero && $0 != point && $0 != minus }) else { return 0 }
        return text.first == minus ? -1 : 1
    }

    /// The digits from the first one that counts.
    private static func digits(_ text: UnsafeBufferPointer<UInt8>) -> Slice<UnsafeBufferPointer<UInt8>> {
        text.drop { $0 == minus || $0 == zero }
    }

    private static func compareMagnitudes(
        _ left: Slice<UnsafeBufferPointer<UInt8>>, _ right: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Int32 {
        let leftWhole = left.firstIndex(of: point) ?? left.endIndex
        let rightWhole = right.firstIndex(of: point) ?? right.endIndex
        let (leftLength, rightLength) = (leftWhole - left.startIndex, rightWhole - right.startIndex)
        if leftLength != rightLength { return leftLength < rightLength ? -1 : 1 }
        for offset in 0..<leftLength {
            let (a, b) = (left[left.startIndex + offset], right[right.startIndex + offset])
            if a != b { return a < b ? -1 : 1 }
        }
        var (leftNext, rightNext) = (leftWhole + 1, rightWhole + 1)
        // A fraction that ends goes on with zeros.
        while leftNext < left.endIndex || rightNext < right.endIndex {
            let a = leftNext < left.endIndex ? left[leftNext] : zero
            let b = rightNext < right.endIndex ? right[rightNext] : zero
            if a != b { return a < b ? -1 : 1 }
            leftNext += 1
            rightNext += 1
        }
        return 0
    }
}
