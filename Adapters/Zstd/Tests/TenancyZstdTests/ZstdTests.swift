import Foundation
import Tenancy
import TenancyCore
import TenancyTesting
import TenancyZstd
import Testing

@Suite("Compression by Zstandard")
struct ZstdTests {
    private struct Page: Entity, Equatable {
        var id: Int
        var text: String
        static let schema = EntitySchema("pages", Page.init, .key("id", \.id), .field("text", \.text))
    }

    private let compression = CacheCompression.zstd()
    private let text = (0..<2_000).map { "line \($0 % 17) of a page. " }.joined()

    @Test("Bytes come back as they were, and what does not shrink is left alone")
    func roundTrip() throws {
        for level in [-5, 1, 3, 19, 100] {
            let compression = CacheCompression.zstd(level: level)
            for bytes in [[UInt8](repeating: 0, count: 1_000_000), Array(text.utf8)] {
                let small = try #require(compression.compress(bytes))
                #expect(small.count * 10 < bytes.count)
                #expect(compression.decompress(small[...], maximumBytes: bytes.count) == bytes)
                #expect(compression.decompress(small[...], maximumBytes: bytes.count - 1) == nil)
            }
        }
        var random = SystemRandomNumberGenerator()
        let noise = (0..<10_000).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        #expect(compression.compress(noise) == nil)
        #expect(compression.compress([]) == nil)
    }

    @Test("Bytes that are no frame, cut or changed, are refused, and take no more memory than the maximum")
    func damaged() throws {
        let bytes = Array(text.utf8)
        let small = try #require(compression.compress(bytes))
        for length in 0..<small.count {
            #expect(compression.decompress(small[..<length], maximumBytes: bytes.count) == nil)
        }
        for position in small.indices {
            var changed = small
            changed[position] ^= 0x41
            // Without a checksum of its own a frame may still be read; the cache's digest has seen to that before.
            if let found = compression.decompress(changed[...], maximumBytes: bytes.count) {
                #expect(found.count <= bytes.count)
            }
        }
        // A frame that says that it is of 2^62 bytes.
        let bomb: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0]
        #expect(compression.decompress(bomb[...], maximumBytes: 1 << 30) == nil)
    }

    @Test("Large records and values are cached smaller and come back; small ones are left alone")
    func cached() async throws {
        let cache = try MemoryCache(maximumBytes: 64 << 20)
        let page = Page(id: 1, text: text)
        let tenant = try await sdk(cache, compression).tenant("UA")
        for _ in 0..<3 { #expect(try await tenant.read(Page.self, 1) == page) }
        try await tenant.cache.set("page", text)
        try await tenant.cache.set("small", "x")
        #expect(try await tenant.cache.get("page", as: String.self) == text)
        #expect(try await tenant.cache.get("small", as: String.self) == "x")
        #expect(try await tenant.cache.compareAndSet("page", from: text, to: text + "!"))
        #expect(try await tenant.cache.get("page", as: String.self) == text + "!")
        #expect(try await tenant.cache.usage().bytes < text.utf8.count / 2)
    }

    @Test("Who has no compression takes what others compress for a miss, and who only reads it does read it")
    func mixed() async throws {
        let cache = try MemoryCache(maximumBytes: 64 << 20)
        let page = Page(id: 1, text: text)
        let database = InMemoryDatabase()
        let writing = try await sdk(cache, compression, on: database)
        try await writing.tenant("UA").cache.set("page", text)
        _ = try await writing.tenant("UA").read(Page.self, 1)
        let reading = try await sdk(cache, compression, threshold: 0, on: database)
        #expect(try await reading.tenant("UA").read(Page.self, 1) == page)
        #expect(try await reading.tenant("UA").cache.get("page", as: String.self) == text)
        #expect(reading.data.cacheStatistics?.hits == 2)
        let without = try await sdk(cache, nil, on: database)
        #expect(try await without.tenant("UA").cache.get("page", as: String.self) == nil)
        #expect(try await without.tenant("UA").read(Page.self, 1) == page)
        let statistics = try #require(without.data.cacheStatistics)
        #expect(statistics.hits == 0 && statistics.damaged == 0)
        #expect(try await reading.tenant("UA").cache.get("page", as: String.self) == text)
    }

    /// An SDK on the database, of which the first makes the tenant and its page.
    private func sdk(
        _ cache: MemoryCache, _ compression: CacheCompression?, threshold: Int = 1_024,
        on database: InMemoryDatabase = InMemoryDatabase()
    ) async throws -> MultiTenantSDK {
        var config = SDKConfig(
            database: DatabaseSource(name: "memory") { _ throws(TenancyError) in database }, entities: [Page.self],
            cache: CacheSource(name: "memory") { _ throws(TenancyError) in cache })
        config.caching.compression = compression
        config.caching.compressionThreshold = threshold
        config.caching.localMaximumBytes = 0
        let sdk = try await MultiTenantSDK(config: config)
        if (try? await sdk.tenant("UA")) != nil { return sdk }
        try await sdk.tenants.create(TenantID("UA"), name: "UA")
        try await sdk.tenant("UA").create(Page(id: 1, text: text))
        return sdk
    }
}
