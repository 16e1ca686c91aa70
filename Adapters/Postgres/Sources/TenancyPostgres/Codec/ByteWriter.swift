/// Appends numbers in the order of bytes that the wire has.
extension [UInt8] {
    @inline(__always)
    mutating func append<Number: FixedWidthInteger>(wire number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    /// Writes a number over four bytes that were left free for it.
    mutating func overwrite(_ number: Int32, at offset: Int) {
        Swift.withUnsafeBytes(of: number.bigEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }
}
