import Foundation
import Tenancy
import TenancyCore

// What is refused before anything is written, and what errors say.
extension DatabaseConformance {
    static func addValidationCases(_ list: inout CaseList) {
        list.begin("validation")
        let refused: [(String, TenancyError.Code, @Sendable (inout Sample) -> Void)] = [
            ("text with a NUL character", .invalidValue, { $0.text = "a\0b" }),
            ("an optional text of a NUL character", .invalidValue, { $0.optionalText = "\0" }),
            ("a key with a NUL character", .invalidValue, { $0.id = "k\0" }),
            ("NaN", .invalidValue, { $0.real = .nan }),
            ("infinity", .invalidValue, { $0.real = .infinity }),
            ("minus infinity, optional", .invalidValue, { $0.optionalReal = -.infinity }),
            ("a signalling NaN", .invalidValue, { $0.real = .signalingNaN }),
            ("a decimal NaN", .invalidValue, { $0.amount = .nan }),
            (
                "a decimal of too many digits before the point", .invalidValue,
                { $0.amount = Decimal(string: "10000000000000000000000") ?? 0 }
            ),
            (
                "a decimal of too many digits after the point", .invalidValue,
                { $0.amount = Decimal(string: "0.0000000000001") ?? 0 }
            ),
            (
                "a negative decimal that is too long", .invalidValue,
                { $0.optionalAmount = Decimal(string: "-10000000000000000000000.5") ?? 0 }
            ),
            ("a decimal of 1e100", .invalidValue, { $0.amount = Decimal(sign: .plus, exponent: 100, significand: 1) }),
            ("a key of 256 characters", .valueTooLarge, { $0.id = String(repeating: "k", count: 256) }),
            ("text of 10 MB", .valueTooLarge, { $0.text = String(repeating: "0123456789", count: 1_000_000) }),
            ("bytes of 10 MB", .valueTooLarge, { $0.blob = [UInt8](repeating: 1, count: 10_000_000) }),
            (
                "a document of 10 MB", .valueTooLarge,
                { $0.doc = JSON(.string(String(repeating: "x", count: 10_000_000))) }
            ),
            ("a document that is none", .invalidValue, { $0.doc = JSON(trusted: "{\"a\":") }),
            ("a document with a NUL character", .invalidValue, { $0.doc = JSON(trusted: "{\"a\":\"\\u0000\"}") }),
            (
                "a member's name with a NUL character", .invalidValue,
                { $0.optionalDoc = JSON(trusted: "{\"\\u0000\":1}") }
            ),
            ("an empty document", .invalidValue, { $0.doc = JSON(trusted: "") }),
            (
                "an instant before the year 1", .invalidValue,
                { $0.moment = Timestamp(microsecondsSince1970: Timestamp.range.lowerBound.microsecondsSince1970 - 1) }
            ),
            (
                "an instant after the year 9999", .invalidValue,
                { $0.moment = Timestamp(microsecondsSince1970: Timestamp.range.upperBound.microsecondsSince1970 + 1) }
            ),
            (
                "the least and the greatest instant of 64 bits", .invalidValue,
                { $0.optionalMoment = Timestamp(microsecondsSince1970: .min) }
            ),
        ]
        for (name, code, change) in refused {
            list.add("\(name) is refused, in every kind of write") { t in
                let handle = try await t.tenant()
                let good = try await handle.create(Sample(id: "good", text: "as it was"))
                var bad = Sample(id: "good")
                change(&bad)
                let error = await t.expectThrows(code, what: "update") { try await handle.update(bad) }
                t.expect(error?.details.field != nil, "the error names no field")
                await t.expectThrows(code, what: "upsert") { try await handle.upsert(bad) }
                var new = Sample(id: "bad")
                change(&new)
                await t.expectThrows(code, what: "create") { try await handle.create(new) }
                await t.expectThrows(code, what: "bulk create") {
                    try await handle.bulkUpsert(
                        [Sample(id: "x"), new, Sample(id: "y")], options: BulkOptions(batchSize: 10))
                }
                t.expectSame(try await handle.query(Sample.self).all(), [good], "afterwards")
            }
        }
        list.add("a key with a NUL character can't be read or deleted by") { t in
            let handle = try await t.tenant()
            await t.expectThrows(.invalidValue) { try await handle.read(Sample.self, "a\0") }
            await t.expectThrows(.invalidValue) { try await handle.read(Sample.self, ids: ["a", "b\0"]) }
            await t.expectThrows(.invalidValue) { try await handle.delete(Sample.self, "a\0") }
            await t.expectThrows(.invalidValue) { try await handle.bulkDelete(Sample.self, ["a", "b\0"]) }
        }
        list.add("a filter with a NUL character, NaN or an impossible instant is refused") { t in
            let query = try await t.tenant().query(Sample.self)
            await t.expectThrows(.invalidValue) { try await query.where { $0.text == "\0" }.all() }
            await t.expectThrows(.invalidValue) { try await query.where { $0.text.contains("a\0") }.all() }
            await t.expectThrows(.invalidValue) { try await query.where { $0.text.isIn(["a", "\0"]) }.count() }
            await t.expectThrows(.invalidValue) { try await query.where { $0.real > .nan }.all() }
            await t.expectThrows(.invalidValue) { try await query.where { $0.real < .infinity }.all() }
            await t.expectThrows(.invalidValue) { try await query.where { $0.amount == .nan }.all() }
            await t.expectThrows(.invalidValue) {
                try await query.where { $0.moment > Timestamp(microsecondsSince1970: .max) }.all()
            }
        }
        list.add("a filter with a value that no record can have finds none, and is no error") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                [Sample(id: "1", amount: 1), Sample(id: "2", amount: -1)], options: BulkOptions(atomicity: .batch))
            let query = handle.query(Sample.self)
            let long = String(repeating: "x", count: 2_000)
            t.expectEqual(try await query.where { $0.id == long }.count(), 0, "a key that is too long")
            t.expectEqual(try await query.where { $0.id != long }.count(), 2, "its complement")
            let fine = Decimal(string: "0.00000000000000000001") ?? 0
            t.expectEqual(try await query.where { $0.amount == fine }.count(), 0, "a decimal that is too fine")
            t.expectEqual(try await query.where { $0.amount > fine }.all().map(\.id), ["1"], "greater than it")
            let great = Decimal(sign: .plus, exponent: 60, significand: 1)
            t.expectEqual(try await query.where { $0.amount < great }.count(), 2, "less than a great one")
            t.expectEqual(try await query.where { $0.amount < -great }.count(), 0, "less than a very negative one")
        }
        list.add("values at the limits are accepted") { t in
            let handle = try await t.tenant()
            let key = String(repeating: "\u{1F600}", count: 255)
            let sample = Sample(
                id: key, text: String(repeating: "x", count: 8 << 20), blob: [UInt8](repeating: 7, count: 4 << 20))
            try await handle.create(sample)
            t.expectSame(try await handle.read(Sample.self, key), sample)
            try await handle.create(Item(id: "i", code: String(repeating: "ß", count: 255)))
            await t.expectThrows(.valueTooLarge) {
                try await handle.create(Item(id: "j", code: String(repeating: "ß", count: 256)))
            }
        }
    }

    static func addErrorCases(_ list: inout CaseList) {
        list.begin("errors")
        let marker = "MARKER-5ecret-value"
        list.add("no rendering of an error holds a value") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: marker, code: marker, shelf: 918_273_645, slot: 918_273_645))
            try await handle.create(Item(id: "other"))
            try await handle.create(Sample(id: marker, number: .max, text: marker))
            try await handle.create(Sample(id: "b", number: 918_273_645))
            var errors: [TenancyError?] = []
            func provoke(_ body: () async throws -> Void) async {
                do {
                    try await body()
                    t.fail("provocation \(errors.count) threw nothing")
                } catch { errors.append(error as? TenancyError) }
            }
            await provoke { try await handle.create(Item(id: marker)) }
            await provoke { try await handle.create(Item(id: "x", code: marker)) }
            await provoke { try await handle.create(Item(id: "x", shelf: 918_273_645, slot: 918_273_645)) }
            await provoke { try await handle.upsert(Item(id: "x", code: marker)) }
            await provoke { try await handle.update(Item(id: marker, version: 918_273_645)) }
            await provoke { try await handle.update(Item(id: marker + "-gone", version: 1)) }
            await provoke { try await handle.query(Item.self).update(.set(\.code, to: marker + "2")) }
            await provoke { _ = try await handle.query(Sample.self).aggregate(.sum(\.number)) }
            await provoke { try await handle.create(Sample(id: marker + "\0")) }
            await provoke { _ = try await handle.read(Sample.self, String(repeating: marker, count: 50)) }
            await provoke { _ = try await handle.query(Sample.self).where { $0.text == marker + "\0" }.all() }
            await provoke {
                _ = try await handle.query(Sample.self).where(.compare(field: "number", .equal, .string(marker))).all()
            }
            await provoke { _ = try await handle.query(Sample.self).page(size: 2, after: Cursor(rawValue: marker)) }
            await provoke { try await handle.create(Sample(id: "d", doc: JSON(trusted: marker))) }
            for atomicity in [BulkOptions.Atomicity.batch, .row] {
                let result = try await handle.bulkCreate(
                    [Item(id: marker), Item(id: "z", code: marker)], options: BulkOptions(atomicity: atomicity))
                errors += result.failures.map(\.error)
            }
            t.expect(errors.count >= 17, "\(errors.count) errors")
            for error in errors {
                guard let error else {
                    t.fail("an error that is no TenancyError")
                    continue
                }
                var dumped = ""
                dump(error, to: &dumped)
                let renderings = [
                    "\(error)", String(reflecting: error), String(describing: error), dumped,
                    error.localizedDescription,
                    error.message, error.hint, "\(error.details)", "\(RowFailure(row: 0, error: error))",
                ]
                for text in renderings {
                    t.expect(
                        !text.contains("MARKER") && !text.contains("918273645"), "\(error.code) shows a value: \(text)")
                }
            }
        }
        list.add("errors name tenant, entity and what can be done") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i"))
            let errors = [
                await t.expectThrows(.uniqueViolation) { try await handle.create(Item(id: "i")) },
                await t.expectThrows(.staleVersion) { try await handle.update(Item(id: "i", version: 5)) },
                await t.expectThrows(.notFound) { try await handle.update(Item(id: "j", version: 1)) },
            ]
            for error in errors.compactMap(\.self) {
                t.expectEqual(error.details.tenant, handle.id, "\(error.code): tenant")
                t.expectEqual(error.details.entity, Item.schema.description.name, "\(error.code): entity")
                t.expect(!error.hint.isEmpty && !error.message.isEmpty, "\(error.code): words")
                t.expect(!error.isRetryable, "\(error.code): the same call can't succeed")
            }
        }
        list.add("an error leaves nothing behind that the next call could trip over") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i", code: "x"))
            for round in 0..<30 {
                await t.expectThrows(.uniqueViolation) { try await handle.create(Item(id: "i")) }
                await t.expectThrows(.uniqueViolation) { try await handle.create(Item(id: "j\(round)", code: "x")) }
                await t.expectThrows(.notFound) { try await handle.update(Sample(id: "none")) }
                try await handle.create(Item(id: "ok\(round)"))
            }
            t.expectEqual(try await handle.query(Item.self).count(), 31, "records")
        }
    }
}
