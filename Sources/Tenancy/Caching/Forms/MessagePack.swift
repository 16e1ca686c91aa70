import Foundation
import TenancyCore

/// Writes values in the form of MessagePack, each in as few bytes as it can be.
struct MessagePackWriter {
    private(set) var bytes: [UInt8] = []

    mutating func beginMap(count: Int) { append(count, fixed: 0x80, upTo: 15, wide: [(0xde, 2), (0xdf, 4)]) }

    mutating func append(_ text: String) {
        let utf8 = Array(text.utf8)
        append(utf8.count, fixed: 0xa0, upTo: 31, wide: [(0xd9, 1), (0xda, 2), (0xdb, 4)])
        bytes += utf8
    }

    /// A field's value. Decimals and JSON documents are text, timestamps are microseconds since 1970, UUIDs are bytes.
    mutating func append(_ value: Value) {
        switch value {
        case .null: bytes.append(0xc0)
        case .bool(let value): bytes.append(value ? 0xc3 : 0xc2)
        case .int64(let value): append(value)
        case .double(let value):
            bytes.append(0xcb)
            append(value.bitPattern, 8)
        case .decimal(let value): append(value.canonicalText)
        case .string(let value): append(value)
        case .uuid(let value): withUnsafeBytes(of: value.uuid) { append(Array($0)) }
        case .timestamp(let value): append(value.microsecondsSince1970)
        case .bytes(let value): append(value)
        case .json(let value): append(value.text)
        }
    }

    private mutating func append(_ data: [UInt8]) {
        append(data.count, fixed: 0, upTo: -1, wide: [(0xc4, 1), (0xc5, 2), (0xc6, 4)])
        bytes += data
    }

    private mutating func append(_ value: Int64) {
        let pattern = UInt64(bitPattern: value)
        switch value {
        case -32...127: bytes.append(UInt8(truncatingIfNeeded: value))
        case Int64(Int8.min)...Int64(Int8.max): append(0xd0, pattern, 1)
        case Int64(Int16.min)...Int64(Int16.max): append(0xd1, pattern, 2)
        case Int64(Int32.min)...Int64(Int32.max): append(0xd2, pattern, 4)
        default: append(0xd3, pattern, 8)
        }
    }

    /// A length: in the first byte if it is small, else behind the first byte that is wide enough.
    private mutating func append(_ count: Int, fixed: UInt8, upTo limit: Int, wide: [(first: UInt8, width: Int)]) {
        if count <= limit {
            bytes.append(fixed | UInt8(count))
        } else if let form = wide.first(where: { $0.width == 4 || count < 1 << ($0.width * 8) }) {
            append(form.first, UInt64(count), form.width)
        }
    }

    private mutating func append(_ first: UInt8, _ number: UInt64, _ width: Int) {
        bytes.append(first)
        append(number, width)
    }

    /// The lower bytes of a number, the most significant first.
    private mutating func append(_ number: UInt64, _ width: Int) {
        for shift in stride(from: width * 8 - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }
}

/// Reads what ``MessagePackWriter`` writes. Every method gives `nil` for anything else, whatever the bytes are.
struct MessagePackReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    /// How many members a map has, which follow.
    mutating func map() -> Int? { length(fixed: 0x80, mask: 0xf0, [0xde: 2, 0xdf: 4]) }

    mutating func string() -> String? {
        length(fixed: 0xa0, mask: 0xe0, [0xd9: 1, 0xda: 2, 0xdb: 4]).flatMap { take($0) }
            .flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// A value of a field of that type.
    mutating func value(as type: FieldType) -> Value? {
        guard position < bytes.count else { return nil }
        if bytes[position] == 0xc0 {
            position += 1
            return .null
        }
        switch type {
        case .bool: return first().flatMap { $0 == 0xc3 ? .bool(true) : $0 == 0xc2 ? .bool(false) : nil }
        case .int64: return integer().map(Value.int64)
        case .double: return first() == 0xcb ? number(8).map { .double(Double(bitPattern: $0)) } : nil
        case .decimal: return string().flatMap { Decimal(canonicalText: $0) }.map(Value.decimal)
        case .string: return string().map(Value.string)
        case .uuid:
            guard let data = data(), data.count == 16 else { return nil }
            return data.withUnsafeBytes { .uuid(UUID(uuid: $0.loadUnaligned(as: uuid_t.self))) }
        case .timestamp: return integer().map { .timestamp(Timestamp(microsecondsSince1970: $0)) }
        case .bytes: return data().map { .bytes(Array($0)) }
        case .json: return string().map { .json(JSON(trusted: $0)) }
        }
    }

    private mutating func integer() -> Int64? {
        guard let first = first() else { return nil }
        switch first {
        case 0x00...0x7f, 0xe0...0xff: return Int64(Int8(bitPattern: first))
        case 0xd0: return number(1).map { Int64(Int8(truncatingIfNeeded: $0)) }
        case 0xd1: return number(2).map { Int64(Int16(truncatingIfNeeded: $0)) }
        case 0xd2: return number(4).map { Int64(Int32(truncatingIfNeeded: $0)) }
        case 0xd3: return number(8).map { Int64(bitPattern: $0) }
        default: return nil
        }
    }

    private mutating func data() -> ArraySlice<UInt8>? {
        length(fixed: 0, mask: 0, [0xc4: 1, 0xc5: 2, 0xc6: 4]).flatMap { take($0) }
    }

    /// - Parameter mask: Which bits of the first byte say that the others are the length; 0 for none.
    private mutating func length(fixed: UInt8, mask: UInt8, _ wide: [UInt8: Int]) -> Int? {
        guard let first = first() else { return nil }
        if mask != 0, first & mask == fixed { return Int(first & ~mask) }
        return wide[first].flatMap { number($0) }.map { Int($0) }
    }

    private mutating func first() -> UInt8? { take(1)?.first }

    private mutating func number(_ width: Int) -> UInt64? {
        take(width)?.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - position else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }
}
