/// Parses JSON (RFC 8259) to the letter: Foundation's parser takes `[1,]` for a document, which databases refuse.
struct JSONParser {
    /// Why a text is refused; it is told to nobody.
    private struct Refusal: Error {}

    /// The deepest nesting, which is what MySQL and MongoDB hold.
    static let maximumDepth = 100

    private let bytes: [UInt8]
    private var position = 0

    /// The value of a document; `nil` if the text is none, or one that not every database can hold.
    static func parse(_ text: String) -> JSONValue? {
        var parser = JSONParser(bytes: Array(text.utf8))
        guard let value = try? parser.value(depth: 0) else { return nil }
        parser.skipSpace()
        return parser.position == parser.bytes.count ? value : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ byte: Character) -> Bool {
        guard let wanted = byte.asciiValue, next == wanted else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ text: String) throws(Refusal) {
        guard bytes[position...].starts(with: text.utf8) else { throw Refusal() }
        position += text.utf8.count
    }

    private mutating func value(depth: Int) throws(Refusal) -> JSONValue {
        skipSpace()
        guard let byte = next, depth <= Self.maximumDepth else { throw Refusal() }
        switch byte {
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        default: return try number()
        }
    }

    private mutating func array(depth: Int) throws(Refusal) -> JSONValue {
        try expect("[")
        skipSpace()
        if skip("]") { return .array([]) }
        var values: [JSONValue] = []
        repeat {
            values.append(try value(depth: depth))
            skipSpace()
        } while skip(",")
        try expect("]")
        return .array(values)
    }

    private mutating func object(depth: Int) throws(Refusal) -> JSONValue {
        try expect("{")
        skipSpace()
        if skip("}") { return .object([:]) }
        var members: [String: JSONValue] = [:]
        repeat {
            skipSpace()
            let name = try string()
            skipSpace()
            try expect(":")
            // A dictionary takes `é` and `e´` for one name; a document that tells them apart can't be held in one.
            if let same = members.index(forKey: name), !members[same].key.utf8.elementsEqual(name.utf8) {
                throw Refusal()
            }
            members[name] = try value(depth: depth)
            skipSpace()
        } while skip(",")
        try expect("}")
        return .object(members)
    }

    // MARK: Numbers

    private mutating func number() throws(Refusal) -> JSONValue {
        let start = position
        _ = skip("-")
        if !skip("0") { try digits() }
        var isInteger = true
        if skip(".") {
            isInteger = false
            try digits()
        }
        if skip("e") || skip("E") {
            isInteger = false
            if !skip("-") { _ = skip("+") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .int(integer) }
        guard let double = Double(text), double.isFinite else { throw Refusal() }
        return Int64(exactly: double).map(JSONValue.int) ?? .double(double)
    }

    private mutating func digits() throws(Refusal) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start { throw Refusal() }
    }

    // MARK: Strings

    private mutating func string() throws(Refusal) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case 0..<0x20: throw Refusal()
            case UInt8(ascii: "\\"): text += try escape()
            default: text.append(byte)
            }
        }
        throw Refusal()
    }

    private mutating func escape() throws(Refusal) -> [UInt8] {
        guard let byte = next else { throw Refusal() }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try scalar())).utf8)
        default: throw Refusal()
        }
    }

    /// A scalar from one code unit or a pair; half a pair is no text.
    private mutating func scalar() throws(Refusal) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard (0xD800...0xDBFF).contains(unit) else { throw Refusal() }
        try expect("\\u")
        let low = try codeUnit()
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw Refusal() }
        return scalar
    }

    private mutating func codeUnit() throws(Refusal) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else { throw Refusal() }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}
