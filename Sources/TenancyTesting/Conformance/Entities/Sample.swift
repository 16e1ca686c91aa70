import Foundation
import TenancyCore

/// A record with a field of every type, with and without the right to have no value.
struct Sample: Entity {
    var id: String
    var flag = false
    var number: Int64 = 0
    var real = 0.0
    var amount = Decimal(0)
    var text = ""
    var uid = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    var moment = Timestamp(microsecondsSince1970: 0)
    var blob: [UInt8] = []
    var doc = JSON(.null)
    var optionalFlag: Bool?
    var optionalNumber: Int64?
    var optionalReal: Double?
    var optionalAmount: Decimal?
    var optionalText: String?
    var optionalUID: UUID?
    var optionalMoment: Timestamp?
    var optionalBlob: [UInt8]?
    var optionalDoc: JSON?

    static let schema = EntitySchema(
        "conformance_samples",
        Sample.init(
            id:flag:number:real:amount:text:uid:moment:blob:doc:optionalFlag:optionalNumber:optionalReal:optionalAmount:
            optionalText:optionalUID:optionalMoment:optionalBlob:optionalDoc:),
        .key("id", \.id), .field("flag", \.flag), .field("number", \.number), .field("real", \.real),
        .field("amount", \.amount), .field("text", \.text), .field("uid", \.uid), .field("moment", \.moment),
        .field("blob", \.blob), .field("doc", \.doc), .field("optional_flag", \.optionalFlag),
        .field("optional_number", \.optionalNumber), .field("optional_real", \.optionalReal),
        .field("optional_amount", \.optionalAmount), .field("optional_text", \.optionalText),
        .field("optional_uid", \.optionalUID), .field("optional_moment", \.optionalMoment),
        .field("optional_blob", \.optionalBlob), .field("optional_doc", \.optionalDoc))
}
