import Foundation
import TenancyCore

/// Decimals of different widths.
struct Ledger: Entity {
    var id: Int64
    var whole = Decimal(0)
    var fine = Decimal(0)
    var money = Decimal(0)
    var rate: Decimal?

    static let schema = EntitySchema(
        "conformance_ledgers", Ledger.init(id:whole:fine:money:rate:),
        .key("id", \.id), .field("whole", \.whole, .decimal(precision: 34, scale: 0)),
        .field("fine", \.fine, .decimal(precision: 34, scale: 30)),
        .field("money", \.money, .decimal(precision: 10, scale: 2)), .field("rate", \.rate))
}

/// A timestamp to the microsecond.
struct Precise: Entity {
    var id: Int64
    var moment: Timestamp
    var optionalMoment: Timestamp?

    static let schema = EntitySchema(
        "conformance_precise", Precise.init(id:moment:optionalMoment:),
        .key("id", \.id), .field("moment", \.moment, .microseconds),
        .field("optional_moment", \.optionalMoment, .microseconds))
}
