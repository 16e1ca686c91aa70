import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Cursors")
struct CursorTests {
    private func items(_ tenant: TenantHandle) -> TenantQuery<Item> {
        tenant.query(Item.self).where { $0.amount >= 0 }.sorted(by: \.label)
    }

    private func start() async throws -> (MultiTenantSDK, TenantHandle, Cursor, InMemoryDatabase) {
        let database = InMemoryDatabase()
        let sdk = try await MultiTenantSDK.make(database)
        let tenant = try await sdk.newTenant()
        try await tenant.bulkCreate((1...9).map { Item($0) })
        let page = try await items(tenant).page(size: 3)
        return (sdk, tenant, try #require(page.next), database)
    }

    @Test("A cursor with one character changed, added or removed is refused")
    func tampered() async throws {
        let (_, tenant, cursor, _) = try await start()
        let text = Array(cursor.rawValue)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= .\u{0}é")
        var tried = 0
        for position in text.indices {
            for letter in alphabet where letter != text[position] {
                var changed = text
                changed[position] = letter
                await expectError(.invalidCursor) {
                    _ = try await items(tenant).page(size: 3, after: Cursor(rawValue: String(changed)))
                }
                tried += 1
            }
            var shorter = text
            shorter.remove(at: position)
            await expectError(.invalidCursor) {
                _ = try await items(tenant).page(size: 3, after: Cursor(rawValue: String(shorter)))
            }
        }
        #expect(tried > 1_000)
        for other in ["", "=", cursor.rawValue + "=", cursor.rawValue + "A", String(repeating: "A", count: 100_000)] {
            await expectError(.invalidCursor) {
                _ = try await items(tenant).page(size: 3, after: Cursor(rawValue: other))
            }
        }
    }

    @Test("Another tenant's cursor is refused")
    func otherTenant() async throws {
        let (sdk, _, cursor, _) = try await start()
        let other = try await sdk.newTenant("DL")
        try await other.bulkCreate((1...9).map { Item($0) })
        await expectError(.invalidCursor) { _ = try await items(other).page(size: 3, after: cursor) }
    }

    @Test("Another query's cursor is refused")
    func otherQuery() async throws {
        let (_, tenant, cursor, _) = try await start()
        let base = tenant.query(Item.self)
        let queries = [
            base.sorted(by: \.label), base.where { $0.amount >= 1 }.sorted(by: \.label),
            base.where { $0.amount > 0 }.sorted(by: \.label), items(tenant).sorted(by: \.amount),
            base.where { $0.amount >= 0 }.sorted(by: \.label, .descending), base.where { $0.amount >= 0 },
            base.where { !($0.amount >= 0) }.sorted(by: \.label), base.where { $0.id >= 0 }.sorted(by: \.label),
        ]
        for query in queries {
            await expectError(.invalidCursor) { _ = try await query.page(size: 3, after: cursor) }
        }
        await expectError(.invalidCursor) {
            _ = try await tenant.query(Counter.self).sorted(by: \.id).page(size: 3, after: cursor)
        }
        #expect(try await items(tenant).page(size: 5, after: cursor).items.map(\.id) == [4, 5, 6, 7, 8])
    }

    @Test("A cursor works in another process on the same database, and not on another database")
    func otherProcess() async throws {
        let (_, _, cursor, database) = try await start()
        let same = try await MultiTenantSDK.make(database).tenant("UA")
        #expect(try await items(same).page(size: 3, after: cursor).items.map(\.id) == [4, 5, 6])
        let other = try await MultiTenantSDK.make().newTenant()
        await expectError(.invalidCursor) { _ = try await items(other).page(size: 3, after: cursor) }
    }

    @Test("Many processes that start at once on a new database agree on the key")
    func agreement() async throws {
        let database = InMemoryDatabase()
        let sdks = try await withThrowingTaskGroup(of: MultiTenantSDK.self) { group in
            for _ in 0..<8 { group.addTask { try await MultiTenantSDK.make(database) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await sdks[0].newTenant().bulkCreate((1...9).map { Item($0) })
        for sdk in sdks {
            let cursor = try #require(try await items(try await sdk.tenant("UA")).page(size: 3).next)
            for other in sdks {
                #expect(
                    try await items(try await other.tenant("UA")).page(size: 1, after: cursor).items.map(\.id) == [4])
            }
        }
    }

    @Test("A cursor shows nothing of what it holds, in any rendering, and no two are the same")
    func secrecy() async throws {
        let sdk = try await MultiTenantSDK.make()
        let tenant = try await sdk.newTenant()
        try await tenant.bulkCreate((1...9).map { Item(id: $0, label: "needle \($0)", amount: 0) })
        let first = try #require(try await items(tenant).page(size: 3).next)
        let second = try #require(try await items(tenant).page(size: 3).next)
        #expect(first != second)
        let padded = first.rawValue.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        let bytes = try #require(
            Data(base64Encoded: padded + String(repeating: "=", count: (4 - padded.count % 4) % 4)))
        #expect(bytes.first == 2 && bytes.range(of: Data("needle".utf8)) == nil)
        var dumped = ""
        dump(first, to: &dumped)
        for text in ["\(first)", String(reflecting: first), "\([first])", dumped] {
            #expect(!text.contains(first.rawValue) && text.contains("redacted"))
        }
        let copy = try JSONDecoder().decode(Cursor.self, from: JSONEncoder().encode(first))
        #expect(try await items(tenant).page(size: 1, after: copy).items.map(\.id) == [4])
    }

    @Test("A cursor of another version is refused by an error that says so")
    func otherVersion() async throws {
        let (_, tenant, cursor, _) = try await start()
        for (version, isNamed) in [("AQ", true), ("Aw", true), ("Ag", false)] {
            let other = Cursor(rawValue: version + cursor.rawValue.dropFirst(2))
            do {
                _ = try await items(tenant).page(size: 3, after: other)
                #expect(!isNamed)
            } catch {
                #expect(error.code == .invalidCursor && error.message.contains("version") == isNamed)
            }
        }
    }

    @Test("A start that can't make the cursors' secret fails, unless the database is read-only")
    func secretFails() async throws {
        let steps = Steps()
        steps.begin(dyingAt: 1)
        await expectError(.unavailable) {
            _ = try await MultiTenantSDK.make(SteppedDatabase(InMemoryDatabase(), steps))
        }
    }
}
