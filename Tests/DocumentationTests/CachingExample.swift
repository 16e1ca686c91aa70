import Foundation
import Synchronization
import Tenancy
import TenancySQLite
import Testing

/// The examples of the page on caching.
@Test("What the page on caching asks for is answered")
func cachingExample() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "caching-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "caching.sqlite").path
    var config = SDKConfig(database: .sqlite(path: path), entities: [Booking.self], cache: .memory())

    config.caching.entities["bookings"] = SDKConfig.EntityPolicy(cachesResults: true)

    let sdk = try await MultiTenantSDK(config: config)
    try await sdk.tenants.create(TenantID("acme"), name: "Acme Travel")
    let acme = try await sdk.tenant("acme")
    for _ in 0..<2 {
        let cached = ReadOptions(usesCache: true, cacheTimeToLive: .seconds(60))
        let dear = try await acme.query(Booking.self).where { $0.price > 500 }.limit(10).reading(cached).all()
        let found = try await acme.search(Booking.self, "ann", options: SearchOptions(reading: cached))
        #expect(dear.isEmpty && found.isEmpty)
    }
    #expect(sdk.data.cacheStatistics?.hits == 2)

    try await acme.bulkCreate([Booking.sample("Ann", seat: "1A"), Booking.sample("Bob", seat: "1B")])
    let lines = Mutex<[String]>([])
    func log(_ line: String) { lines.withLock { $0.append(line) } }
    try await acme.warm(Booking.self, maximumCount: 10_000) { query in
        query.where { $0.price > 500 }
    } onProgress: { progress in
        log("\(progress.records) of \(progress.total)")
    }
    // Both cost less.
    #expect(lines.withLock(\.self).isEmpty)
    await sdk.shutDown()
}
