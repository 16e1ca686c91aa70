import Foundation
import TenancyCore

enum Cabin: String, FieldValue {
    case economy, first
}

enum Priority: Int, FieldValue {
    case low = 1
    case high = 2
}

struct Ticket: Entity, Equatable {
    var id: UUID
    var isPaid: Bool
    var seats: Int
    var miles: Int64?
    var weight: Double
    var price: Decimal
    var discount: Decimal?
    var name: String
    var note: String?
    var owner: UUID?
    var bought: Timestamp
    var flown: Date?
    var photo: [UInt8]
    var scan: Data?
    var extra: JSON
    var cabin: Cabin
    var upgrade: Cabin?
    var priority: Priority
    var version: Int64

    static let schema = EntitySchema(
        "tickets", Ticket.init,
        .key("id", \.id), .field("is_paid", \.isPaid), .field("seats", \.seats), .field("miles", \.miles),
        .field("weight", \.weight), .field("price", \.price, .decimal(precision: 10, scale: 2)),
        .field("discount", \.discount), .field("name", \.name), .field("note", \.note), .field("owner", \.owner),
        .field("bought", \.bought, .microseconds), .field("flown", \.flown), .field("photo", \.photo),
        .field("scan", \.scan), .field("extra", \.extra), .field("cabin", \.cabin), .field("upgrade", \.upgrade),
        .field("priority", \.priority), .version("version", \.version),
        indexes: [.on(\.seats, \.price)], unique: [.on(\.name)], search: [.text(\.name, weight: 2), .text(\.note)])

    static func sample(full: Bool) -> Ticket {
        Ticket(
            id: UUID(), isPaid: full, seats: .max, miles: full ? .min : nil, weight: -0.1, price: Decimal(12.5),
            discount: full ? Decimal(sign: .minus, exponent: -12, significand: 1) : nil, name: "Zoë \u{1F6EB} O'Hare",
            note: full ? "" : nil, owner: full ? UUID() : nil, bought: Timestamp(microsecondsSince1970: -1),
            flown: full ? Date(timeIntervalSince1970: -0.5) : nil, photo: full ? [0, 255, 10] : [],
            scan: full ? Data([1, 2]) : nil, extra: JSON(.object(["a": .array([.int(1), .null])])),
            cabin: .first, upgrade: full ? .economy : nil, priority: .high, version: 3)
    }
}
