import Foundation
import TenancyCore

/// A record to sort by and to page through: an integer key, and fields with ties and without values.
struct Point: Entity {
    var id: Int64
    var a: Int64?
    var b = ""
    var c: Double?
    var d: Timestamp?

    static let schema = EntitySchema(
        "conformance_points", Point.init(id:a:b:c:d:),
        .key("id", \.id), .field("a", \.a), .field("b", \.b), .field("c", \.c), .field("d", \.d),
        indexes: [.on(\.a), .on(\.b, \.c)])

    /// Points with many ties and many fields without values, in an order that is no field's.
    static func scattered(_ count: Int) -> [Point] {
        var random = SeededGenerator(seed: 7)
        let points = (0..<count).map { number in
            Point(
                id: Int64(number) - 3, a: random.chance(1, in: 3) ? nil : Int64.random(in: -2...2, using: &random),
                b: random.pick(["", "a", "B", "b", "ä", "\u{E000}", "\u{1F600}"]),
                c: random.chance(1, in: 3) ? nil : Double(Int.random(in: -2...2, using: &random)) / 2,
                d: random.chance(1, in: 3)
                    ? nil : Timestamp(microsecondsSince1970: Int64.random(in: -3...3, using: &random) * 1_000))
        }
        return points.shuffled(using: &random)
    }
}
