import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// A record with a field of every type.
private struct Everything: Entity, Equatable {
    var id: UUID
    var flag: Bool
    var number: Int64
    var ratio: Double
    var price: Decimal
    var text: String
    var moment: Timestamp
    var blob: [UInt8]
    var document: JSON
    var absent: String?

    static let schema = EntitySchema(
        "everything", Everything.init, .key("id", \.id), .field("flag", \.flag), .field("number", \.number),
        .field("ratio", \.ratio), .field("price", \.price, .decimal(precision: 38, scale: 10)), .field("text", \.text),
        .field("moment", \.moment, .microseconds), .field("blob", \.blob), .field("document", \.document),
        .field("absent", \.absent))
}

@Suite("The forms of cached records")
struct CacheFormTests {
    private let entity = Everything.schema.description

    private func rows() throws -> ColumnBatch {
        var batch = ColumnBatch(entity)
        let numbers: [Int64] = [
            0, 1, -1, -32, -33, 127, 128, -128, -129, 255, 256, 32_767, 32_768, -32_768, -32_769, 65_536, 2_147_483_647,
            2_147_483_648, -2_147_483_648, -2_147_483_649, 1 << 53 + 1, .max, .min,
        ]
        let ratios: [Double] = [
            0, -0.0, 0.1, 1, 1e300, -1e-300, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 9_007_199_254_740_992,
            1e19,
        ]
        let lengths = [0, 1, 31, 32, 255, 256, 65_535, 65_536]
        let decimals = ["0", "-0.0000000001", "9999999999999999999999999999.9999999999", "123.45"]
        for position in 0..<24 {
            let length = lengths[position % lengths.count]
            Everything.schema.encode(
                Everything(
                    id: UUID(), flag: position % 2 == 0, number: numbers[position % numbers.count],
                    ratio: ratios[position % ratios.count],
                    price: Decimal(string: decimals[position % decimals.count]) ?? 0,
                    text: String(repeating: "é\"\\\n\u{301}", count: length / 6)
                        + String(repeating: "x", count: length % 6),
                    moment: Timestamp(
                        microsecondsSince1970: numbers[(position * 7) % numbers.count] % 62_135_596_800_000_000),
                    blob: (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) },
                    document: JSON(trusted: "{\"a\": [1.000000000000000000001, 1e400, \"\(position)\"]}"),
                    absent: position % 3 == 0 ? "" : nil),
                into: &batch)
        }
        return batch
    }

    @Test("Every value comes back exactly, in every form", arguments: CacheSerialization.all)
    func roundTrip(form: CacheSerialization) throws {
        let batch = try rows()
        for row in 0..<batch.count {
            let view = RowView(batch, row: row)
            let bytes = try RecordForm.bytes(view, of: entity, form)
            let read = try #require(RecordForm.row(bytes[...], of: entity, form: form.identifier))
            for (column, field) in entity.fields.enumerated() {
                let (before, after) = (
                    try view.value(column, as: field.type), try RowView(read, row: 0).value(column, as: field.type)
                )
                if case .json(let before) = before, case .json(let after) = after {
                    #expect(before.text == after.text)
                } else if case .double(let before) = before, case .double(let after) = after {
                    #expect(before.bitPattern == after.bitPattern)
                } else {
                    #expect(before == after, "row \(row), \(field.name)")
                }
            }
        }
    }

    @Test(
        "Bytes that were cut or changed are a record or none, and never more than was read",
        arguments: CacheSerialization.all)
    func hostile(form: CacheSerialization) throws {
        let batch = try rows()
        let bytes = try RecordForm.bytes(RowView(batch, row: 3), of: entity, form)
        for length in 0..<min(bytes.count, 400) {
            #expect(RecordForm.row(bytes[..<length], of: entity, form: form.identifier) == nil)
        }
        var random = SeededGenerator(seed: 1)
        for _ in 0..<3_000 {
            var changed = bytes
            for _ in 0..<3 {
                changed[Int.random(in: changed.indices, using: &random)] = .random(in: 0 ... .max, using: &random)
            }
            guard let row = RecordForm.row(changed[...], of: entity, form: form.identifier) else { continue }
            for (column, field) in entity.fields.enumerated() {
                _ = try? RowView(row, row: 0).value(column, as: field.type)
            }
        }
        // Lengths that no memory could hold.
        let starts: [[UInt8]] = [
            [0xdf, 0xff, 0xff, 0xff, 0xff], [0x8a, 0xdb, 0xff, 0xff, 0xff, 0xff], [0x8a, 0xc6, 0xff, 0xff, 0xff, 0xff],
        ]
        for start in starts { #expect(RecordForm.row(start[...], of: entity, form: form.identifier) == nil) }
    }

    @Test("JSON and MessagePack are what other programs read")
    func foreignPrograms() throws {
        var batch = ColumnBatch(Item.schema.description)
        Item.schema.encode(Item(id: 300, label: "é", amount: -1), into: &batch)
        let row = RowView(batch, row: 0)
        let json = try RecordForm.bytes(row, of: Item.schema.description, .json)
        #expect(String(decoding: json, as: UTF8.self) == #"{"amount":-1,"id":300,"label":"é"}"#)
        let packed = try RecordForm.bytes(row, of: Item.schema.description, .messagePack)
        #expect(
            packed == [0x83, 0xa2, 0x69, 0x64, 0xd1, 0x01, 0x2c, 0xa5] + Array("label".utf8) + [0xa2, 0xc3, 0xa9, 0xa6]
                + Array("amount".utf8) + [0xff])
    }

    @Test("Records are read from the cache in every form, and what is in another one is replaced without an error")
    func change() async throws {
        let cache = try MemoryCache(maximumBytes: 16 << 20)
        let database = InMemoryDatabase()
        var last: TenantHandle?
        for form in CacheSerialization.all + [.compact] {
            let sdk = try await MultiTenantSDK.make(database, cache) {
                $0.caching.serialization = form
                $0.caching.localMaximumBytes = 0
            }
            if last == nil {
                try await sdk.newTenant().create(Item(1, 7))
            }
            let tenant = try await sdk.tenant("UA")
            for _ in 0..<3 { #expect(try await tenant.read(Item.self, 1) == Item(1, 7)) }
            let statistics = try #require(sdk.data.cacheStatistics)
            #expect(statistics.misses == 1 && statistics.hits == 2 && statistics.damaged == 0, "\(form): \(statistics)")
            last = tenant
        }
    }

    @Test("A value of an older release is a miss that nobody takes for damage")
    func olderForm() async throws {
        let cache = try MemoryCache(maximumBytes: 16 << 20)
        let identity = CachedRow.Identity(try TenantID("UA"), CacheKey("r:items:1"), Counter.schema.description)
        let old = try CachedRow.bytes(
            nil, of: Counter.schema.description, identity: identity, generation: .random(), CacheForms()
        ).bytes
        let sdk = try await MultiTenantSDK.make(InMemoryDatabase(), cache) { $0.caching.localMaximumBytes = 0 }
        let tenant = try await sdk.newTenant()
        try await tenant.create(Item(1, 7))
        let others: [[UInt8]] = [old, [3] + old.dropFirst(), [], [4], [UInt8](repeating: 4, count: 100)]
        for bytes in others {
            let before = try #require(sdk.data.cacheStatistics)
            _ = try await cache.run(
                [.set(CacheKey("r:items:1"), bytes, timeToLive: nil, condition: .always)], for: tenant.id)
            for _ in 0..<3 { #expect(try await tenant.read(Item.self, 1) == Item(1, 7)) }
            let after = try #require(sdk.data.cacheStatistics)
            #expect(after.misses == before.misses + 1 && after.damaged == 0)
        }
    }

    @Test("Who finds damage removes it, counts it, and stores the record anew")
    func damage() async throws {
        let stage = try await Stage { $0.caching.localMaximumBytes = 0 }
        try await stage.tenant.create(Item(1, 7))
        _ = try await stage.tenant.read(Item.self, 1)
        let key = CacheKey("r:items:1")
        guard case .value(var bytes) = try await stage.cache.base.run([.get(key)], for: stage.tenant.id).first else {
            Issue.record("the record was not cached")
            return
        }
        bytes[bytes.count - 1] ^= 1
        _ = try await stage.cache.base.run(
            [.set(key, bytes, timeToLive: nil, condition: .always)], for: stage.tenant.id)
        stage.database.reads.store(0, ordering: .relaxed)
        for _ in 0..<3 { #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 7)) }
        #expect(stage.reads == 1)
        #expect(stage.sdk.data.cacheStatistics?.damaged == 1)
        let deleted = stage.cache.commands.withLock { commands in
            commands.contains { if case .delete(key) = $0 { true } else { false } }
        }
        #expect(deleted)
    }
}
