import Foundation
import Tenancy
import TenancyCore

// What is written is what is read, at the ends of what every type can hold.
extension DatabaseConformance {
    static func addTypeCases(_ list: inout CaseList) {
        list.begin("types")
        addNumberTypeCases(&list)
        addTextTypeCases(&list)
        addOtherTypeCases(&list)
    }

    private static func addNumberTypeCases(_ list: inout CaseList) {
        list.add("integers keep all 64 bits") { t in
            let numbers: [Int64] = [
                .min, .min + 1, -(1 << 53) - 1, -1, 0, 1, 1 << 31, 1 << 32, (1 << 53) + 1, .max - 1, .max,
            ]
            try await t.keeps(numbers.map { Sample(id: "\($0)", number: $0, optionalNumber: $0) })
        }
        list.add("integers next to each other beyond 2^53 are told apart") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<4).map { Sample(id: "\($0)", number: (1 << 53) + Int64($0)) })
            for number in 0..<4 {
                let found = try await handle.query(Sample.self).where { $0.number == (1 << 53) + Int64(number) }.all()
                t.expectEqual(found.map(\.id), ["\(number)"], "2^53 + \(number)")
            }
        }
        list.add("doubles keep every bit") { t in
            let doubles: [Double] = [
                .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude,
                -.greatestFiniteMagnitude, 0.1, 0.1 + 0.2, 1 / 3, .pi, .ulpOfOne, 1 + .ulpOfOne, 1e22, 1e23,
                .leastNormalMagnitude.nextDown, 9_007_199_254_740_992, 123_456_789.123_456_789,
            ]
            let samples = doubles.enumerated().map { Sample(id: "\($0)", real: $1, optionalReal: $1) }
            try await t.keeps(samples)
        }
        list.add("minus zero becomes zero") { t in
            let handle = try await t.tenant()
            let created = try await handle.create(Sample(id: "z", real: -0.0, optionalReal: -0.0))
            t.expectEqual(created.real.sign, .plus, "as it is returned")
            let read = try t.require(try await handle.read(Sample.self, "z"))
            t.expectEqual(read.real.sign, .plus, "as it is read")
            t.expectEqual(read.optionalReal?.sign, .plus, "the optional as it is read")
        }
        list.add("a whole double stays a double") { t in
            try await t.keeps([Sample(id: "w", real: 3, optionalReal: 1e18), Sample(id: "x", real: -1e300)])
        }
        list.add("decimals keep 34 digits") { t in
            let texts = [
                "9999999999999999999999.999999999999", "-9999999999999999999999.999999999999",
                "1234567890123456789012.345678901234", "0.000000000001", "-0.000000000001", "0", "1",
                "10000000000000000000", "0.1", "1.5", "-12.34", "9007199254740993.000000000001",
            ]
            let samples = try texts.map { text in
                let amount = try t.require(Decimal(string: text))
                return Sample(id: text, amount: amount, optionalAmount: amount)
            }
            try await t.keeps(samples)
        }
        list.add("decimals of other widths keep their digits") { t in
            let whole = try t.require(Decimal(string: "9999999999999999999999999999999999"))
            let fine = try t.require(Decimal(string: "9999.999999999999999999999999999999"))
            let money = try t.require(Decimal(string: "99999999.99"))
            let ledgers = [
                Ledger(id: 1, whole: whole, fine: fine, money: money),
                Ledger(id: 2, whole: -whole, fine: -fine, money: -money),
                Ledger(id: 3, whole: 1, fine: Decimal(sign: .plus, exponent: -30, significand: 1), money: 0),
            ]
            let handle = try await t.tenant()
            try await handle.bulkCreate(ledgers)
            t.expectSame(try await handle.read(Ledger.self, ids: [1, 2, 3]), ledgers)
        }
        list.add("a tenth and two tenths make three tenths in decimals") { t in
            let handle = try await t.tenant()
            let tenth = Decimal(sign: .plus, exponent: -1, significand: 1)
            try await handle.bulkCreate([Sample(id: "1", amount: tenth), Sample(id: "2", amount: tenth + tenth)])
            let sum = try await handle.query(Sample.self).aggregate(.sum(\.amount))
            t.expectEqual(sum, Decimal(sign: .plus, exponent: -1, significand: 3), "the sum")
            try await handle.query(Sample.self).where { $0.id == "1" }.update(.add(tenth + tenth, to: \.amount))
            let found = try await handle.query(Sample.self)
                .where { $0.amount == Decimal(sign: .plus, exponent: -1, significand: 3) }.count()
            t.expectEqual(found, 1, "records with three tenths")
        }
        list.add("decimals that are written differently and equal are equal") { t in
            let handle = try await t.tenant()
            let written = Decimal(sign: .plus, exponent: -3, significand: 1_500)
            try await handle.create(Sample(id: "d", amount: written))
            t.expectEqual(
                try await handle.query(Sample.self)
                    .where { $0.amount == Decimal(sign: .plus, exponent: -1, significand: 15) }.count(), 1,
                "1.500 == 1.5")
        }
    }

    private static func addTextTypeCases(_ list: inout CaseList) {
        list.add("text of every plane survives") { t in
            let texts = [
                "plain", "ÄÖÜß", "Ελληνικά", "日本語", "\u{FFFD}", "\u{E000}\u{F8FF}", "😀🇩🇪👩‍👩‍👧‍👦", "\u{10FFFD}",
                "\u{1D11E}", "\u{20000}", "\u{E0001}", "a\u{0301}\u{0302}", "مرحبا", "\u{202E}abc", "\u{FEFF}bom",
                "\u{200B}", "\u{7F}\u{80}\u{9F}", "\u{1}\u{2}\u{1B}", "tab\tline\nreturn\r\n", "\u{2028}\u{2029}",
                "\u{D7FF}",
            ]
            try await t.keeps(texts.enumerated().map { Sample(id: "\($0)", text: $1, optionalText: $1) })
        }
        list.add("composed and combining forms are two texts") { t in
            let handle = try await t.tenant()
            try await handle.create(Sample(id: "\u{E9}", text: "caf\u{E9}"))
            try await handle.create(Sample(id: "e\u{301}", text: "cafe\u{301}"))
            t.expectEqual(try await handle.query(Sample.self).count(), 2, "records")
            for text in ["caf\u{E9}", "cafe\u{301}"] {
                let found = try await handle.query(Sample.self).where { $0.text == text }.all()
                t.expectEqual(found.map { Value.string($0.text) }, [.string(text)], "found by text")
            }
            let read = try await handle.read(Sample.self, ids: ["\u{E9}", "e\u{301}"])
            t.expectEqual(
                read.map { Value.string($0.text) }, [.string("caf\u{E9}"), .string("cafe\u{301}")], "read by key")
        }
        list.add("empty text is not the absence of text") { t in
            try await t.keeps([Sample(id: "e", optionalText: ""), Sample(id: "n", optionalText: nil)])
            let query = try await t.tenant().query(Sample.self)
            t.expectEqual(try await query.where { $0.optionalText == "" }.all().map(\.id), ["e"], "empty")
            t.expectEqual(try await query.where { $0.optionalText == nil }.all().map(\.id), ["n"], "absent")
        }
        list.add("spaces at the ends of text count") { t in
            let texts = ["a", "a ", " a", "a  ", " ", ""]
            try await t.keeps(texts.enumerated().map { Sample(id: "\($0)", text: $1) })
            let query = try await t.tenant().query(Sample.self)
            for (number, text) in texts.enumerated() {
                t.expectEqual(
                    try await query.where { $0.text == text }.all().map(\.id), ["\(number)"], "'\(text)'")
            }
        }
        list.add("a megabyte of text survives") { t in
            let text = String(repeating: "0123456789abcdé\u{1F600}", count: 50_000)
            try await t.keeps([Sample(id: "big", text: text, optionalText: text)])
        }
        list.add("quotes, wildcards and backslashes are characters like others") { t in
            let texts = [
                "'", "''", "\"", "`", "\\", "\\\\", "%", "_", "%_\\", "'; DROP TABLE conformance_samples; --", "$1",
                "?",
                ":a", "@b", "\\'", "/*", "--", "{\"$gt\": 0}", "$where", "a.b", "\\x41", "\\u0041", "&amp;",
            ]
            try await t.keeps(texts.enumerated().map { Sample(id: $1 + "\($0)", text: $1, optionalText: $1) })
            let query = try await t.tenant().query(Sample.self)
            for text in texts {
                t.expectEqual(try await query.where { $0.text == text }.count(), 1, "found by \(text)")
            }
        }
        list.add("keys of text keep case, accents and spaces apart") { t in
            let keys = ["k", "K", "k ", " k", "ķ", "ｋ", "k\u{301}", "\u{212A}", "kk", "", "%", "_"]
            let handle = try await t.tenant()
            for key in keys { try await handle.create(Sample(id: key, text: "of \(key)")) }
            for key in keys {
                let read = try await handle.read(Sample.self, key)
                t.expectEqual(read.map { Value.string($0.text) }, .string("of \(key)"), "key '\(key)'")
            }
        }
    }

    private static func addOtherTypeCases(_ list: inout CaseList) {
        list.add("every byte survives, and no bytes too") { t in
            let all = (0...255).map { UInt8($0) }
            try await t.keeps([
                Sample(id: "all", blob: all, optionalBlob: all), Sample(id: "none", blob: [], optionalBlob: []),
                Sample(id: "nil", blob: [0], optionalBlob: nil), Sample(id: "zeros", blob: [0, 0, 0]),
                Sample(id: "text", blob: Array("text".utf8)), Sample(id: "bad", blob: [0xC3, 0x28, 0xFF, 0xFE]),
            ])
            let query = try await t.tenant().query(Sample.self)
            t.expectEqual(try await query.where { $0.blob == all }.all().map(\.id), ["all"], "found by all bytes")
            t.expectEqual(
                try await query.where { $0.optionalBlob == [] }.all().map(\.id), ["none"], "found by no bytes")
        }
        list.add("a megabyte of bytes survives") { t in
            let blob = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
            try await t.keeps([Sample(id: "big", blob: blob)])
        }
        list.add("JSON keeps its meaning") { t in
            let documents = [
                "null", "true", "0", "-1.5e3", "\"text\"", "[]", "{}", "[1,[2,[3,[{}]]]]",
                #"{"b":1,"a":{"d":[true,null],"c":"é\"\\/\n"}}"#, #"{"":"","$gt":1,"a.b":2,"'":3,"tenant_id":4}"#,
                "9223372036854775807", #"{"😀":"\ud83d\ude00"}"#, "[ 1 , 2 ]",
            ]
            let samples = try documents.enumerated().map { number, text in
                let document = try JSON(parsing: text)
                return Sample(id: "\(number)", doc: document, optionalDoc: document)
            }
            try await t.keeps(samples)
        }
        list.add("JSON that differs in order and spacing is the same document") { t in
            let handle = try await t.tenant()
            try await handle.create(Sample(id: "j", doc: try JSON(parsing: #"{ "b" : [1, 2],  "a" : {"y":1,"x":2} }"#)))
            let read = try t.require(try await handle.read(Sample.self, "j"))
            t.expectEqual(read.doc, try JSON(parsing: #"{"a":{"x":2,"y":1},"b":[1,2]}"#), "the document")
        }
        list.add("a JSON null is a document, not the absence of one") { t in
            try await t.keeps([
                Sample(id: "null", optionalDoc: JSON(.null)), Sample(id: "none", optionalDoc: nil),
            ])
            let query = try await t.tenant().query(Sample.self)
            t.expectEqual(try await query.where { $0.optionalDoc.isNull }.all().map(\.id), ["none"], "absent")
        }
        list.add("timestamps keep year 1, 9999 and the time before 1970") { t in
            let moments: [Int64] = [
                Timestamp.range.lowerBound.microsecondsSince1970, -62_135_596_799_999_000, -1_000, 0, 1_000,
                -2_208_988_800_000_000, 951_782_400_000_000, 2_147_483_648_000_000, 4_102_444_800_123_000,
                253_402_300_799_999_000,
            ]
            let samples = moments.enumerated().map { number, moment in
                let moment = Timestamp(microsecondsSince1970: moment)
                return Sample(id: "\(number)", moment: moment, optionalMoment: moment)
            }
            try await t.keeps(samples)
        }
        list.add("timestamps are cut to the millisecond, towards the past") { t in
            let handle = try await t.tenant()
            for (written, stored) in [(1_999, 1_000), (-1, -1_000), (-1_001, -2_000), (999, 0), (-1_000, -1_000)] {
                let id = "\(written)"
                let created = try await handle.create(
                    Sample(id: id, moment: Timestamp(microsecondsSince1970: Int64(written))))
                t.expectEqual(created.moment.microsecondsSince1970, Int64(stored), "\(written) as it is returned")
                let read = try t.require(try await handle.read(Sample.self, id))
                t.expectEqual(read.moment.microsecondsSince1970, Int64(stored), "\(written) as it is read")
                let found = try await handle.query(Sample.self)
                    .where { $0.id == id && $0.moment == Timestamp(microsecondsSince1970: Int64(written)) }.count()
                t.expectEqual(found, 1, "\(written) found by what was written")
            }
        }
        list.add("timestamps keep microseconds where the field asks for them", needs: .microseconds) { t in
            let handle = try await t.tenant()
            let records = [-62_135_596_800_000_000, -1_000_001, -1, 0, 1, 999_999, 253_402_300_799_999_999].enumerated()
                .map { number, moment in
                    Precise(
                        id: Int64(number), moment: Timestamp(microsecondsSince1970: Int64(moment)),
                        optionalMoment: number % 2 == 0 ? Timestamp(microsecondsSince1970: Int64(moment)) : nil)
                }
            try await handle.bulkCreate(records)
            t.expectSame(try await handle.query(Precise.self).sorted(by: \.moment).all(), records)
            for record in records {
                t.expectEqual(
                    try await handle.query(Precise.self).where { $0.moment == record.moment }.all().map(\.id),
                    [record.id], "found by \(record.moment.microsecondsSince1970)")
            }
        }
        list.add("UUIDs survive, as values and as keys") { t in
            let handle = try await t.tenant()
            let ids = try [
                "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "00112233-4455-6677-8899-aabbccddeeff", "80000000-0000-0000-0000-000000000001",
            ].map { try t.require(UUID(uuidString: $0)) }
            try await t.keeps(ids.enumerated().map { Sample(id: "\($0)", uid: $1, optionalUID: $1) })
            let badges = ids.map { Badge(id: $0, owner: $0.uuidString) }
            try await handle.bulkCreate(badges)
            t.expectSame(try await handle.read(Badge.self, ids: ids), badges)
            t.expectEqual(
                try await handle.query(Sample.self).where { $0.uid == ids[2] }.all().map(\.id), ["2"], "found by UUID")
        }
        list.add("booleans survive and are found") { t in
            try await t.keeps([
                Sample(id: "f", flag: false, optionalFlag: false), Sample(id: "t", flag: true, optionalFlag: true),
                Sample(id: "n", flag: true, optionalFlag: nil),
            ])
            let query = try await t.tenant().query(Sample.self)
            t.expectEqual(try await query.where { $0.flag == false }.all().map(\.id), ["f"], "false")
            t.expectEqual(try await query.where { $0.optionalFlag == true }.all().map(\.id), ["t"], "true")
        }
        list.add("integer keys keep all 64 bits") { t in
            let handle = try await t.tenant()
            let ids: [Int64] = [.min, -1, 0, 1, (1 << 53) + 1, .max]
            let points = ids.map { Point(id: $0, b: "\($0)") }
            try await handle.bulkCreate(points)
            t.expectSame(try await handle.read(Point.self, ids: ids), points)
            t.expectSame(try await handle.query(Point.self).sorted(by: \.id).all(), points, "in order")
        }
        list.add("fields may be called like words of query languages, and like the tenant") { t in
            let handle = try await t.tenant()
            let record = Impostor(id: "i", tenant: "b", tenantName: "b", order: 7, select: "x", group: nil)
            try await handle.create(record)
            t.expectSame(try await handle.read(Impostor.self, "i"), record)
            let found = try await handle.query(Impostor.self).where { $0.order == 7 && $0.tenant == "b" }
                .sorted(by: \.group).sorted(by: \.select, .descending).all()
            t.expectSame(found, [record])
        }
        list.add("records without any optional value survive") { t in
            try await t.keeps([Sample(id: "bare")])
        }
    }
}

extension DatabaseCaseContext {
    /// Writes samples in three ways and expects to find them unchanged in as many.
    func keeps(_ samples: [Sample], file: StaticString = #fileID, line: Int = #line) async throws {
        let handle = try await tenant()
        for (number, sample) in samples.enumerated() {
            switch number % 3 {
            case 0:
                expectSame(try await handle.create(sample), sample, "as create returns it", file: file, line: line)
            case 1: try await handle.bulkCreate([sample], options: BulkOptions(atomicity: .batch))
            default: try await handle.upsert(sample)
            }
        }
        expectSame(
            try await handle.read(Sample.self, ids: samples.map(\.id)), samples, "read by keys", file: file, line: line)
        for sample in samples {
            expectSame(
                try await handle.read(Sample.self, sample.id), sample, "read by key", file: file, line: line)
        }
        let queried = try await handle.query(Sample.self).all()
        expectSame(
            queried.sorted { Value.order(.string($0.id), .string($1.id)) == .orderedAscending },
            samples.sorted { Value.order(.string($0.id), .string($1.id)) == .orderedAscending }, "queried",
            file: file, line: line)
    }
}
