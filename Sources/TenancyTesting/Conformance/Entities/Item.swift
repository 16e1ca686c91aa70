import Foundation
import TenancyCore

/// A record with a version and with unique values.
struct Item: Entity {
    var id: String
    var kind = "plain"
    var quantity: Int64? = 0
    var price = Decimal(0)
    var weight = 0.0
    var code: String?
    var shelf: Int64?
    var slot: Int64?
    var version: Int64 = 0

    static let schema = EntitySchema(
        "conformance_items", Item.init(id:kind:quantity:price:weight:code:shelf:slot:version:),
        .key("id", \.id), .field("kind", \.kind), .field("quantity", \.quantity), .field("price", \.price),
        .field("weight", \.weight), .field("code", \.code), .field("shelf", \.shelf), .field("slot", \.slot),
        .version("version", \.version),
        indexes: [.on(\.kind, \.quantity)], unique: [.on(\.code), .on(\.shelf, \.slot)])

    /// Items `prefix0`, `prefix1` and so on, each with its number as the quantity.
    static func many(_ count: Int, _ prefix: String = "i", kind: String = "plain") -> [Item] {
        (0..<count).map { Item(id: "\(prefix)\(zeroPadded: $0)", kind: kind, quantity: Int64($0)) }
    }
}

extension DefaultStringInterpolation {
    /// A number with leading zeros, so that texts have the order of numbers.
    mutating func appendInterpolation(zeroPadded number: Int) {
        let digits = String(number)
        appendLiteral(String(repeating: "0", count: max(0, 5 - digits.count)) + digits)
    }
}
