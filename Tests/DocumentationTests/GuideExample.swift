import Foundation
import Synchronization
import Tenancy
import TenancySQLite
import Testing

struct Booking: Entity {
    var id: UUID
    var passenger: String
    var cabin: Cabin
    var price: Decimal
    var departure: Date
    var seat: String?
    var notes: JSON?
    var version: Int64

    static let schema = EntitySchema(
        "bookings", Booking.init,
        .key("id", \.id),
        .field("passenger", \.passenger),
        .field("cabin", \.cabin),
        .field("price", \.price, .decimal(precision: 12, scale: 2)),
        .field("departure", \.departure),
        .field("seat", \.seat, .maximumLength(4)),
        .field("notes", \.notes),
        .version("version", \.version),
        indexes: [.on(\.departure)],
        unique: [.on(\.departure, \.seat)],
        search: [.text(\.passenger)])
}

enum Cabin: String, FieldValue {
    case economy, business
}

extension Booking {
    func with(cabin: Cabin) -> Booking {
        var copy = self
        copy.cabin = cabin
        return copy
    }

    static func sample(_ passenger: String, seat: String? = nil) -> Booking {
        Booking(
            id: UUID(), passenger: passenger, cabin: .economy, price: 100, departure: Date(timeIntervalSince1970: 1e9),
            seat: seat, notes: JSON(.object(["meal": .string("vegetarian")])), version: 0)
    }
}

@Suite struct GuideExample {
    @Test("The guide's code does what the guide says")
    func guide() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "guide.sqlite").path

        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Booking.self], cache: .memory()))
        try await sdk.tenants.create(TenantID("acme"), name: "Acme Travel", attributes: ["country": "NL"])
        let acme = try await sdk.tenant("acme", actor: "ann@acme.example", correlationID: "request-17")

        try await acme.track("report_opened", ["report": .string("daily")])
        let handler = Task(executorPreference: sdk.executor) { try await acme.query(Booking.self).count() }
        #expect(try await handler.value == 0)
        try await writing(acme, sdk)
        try await reading(acme)
        try await caching(acme)
        await sdk.shutDown()
    }

    @Test("The guide's configuration file is read, from wherever it lies")
    func configuration() async throws {
        await #expect(throws: TenancyError.self) {
            let config = try await SDKConfig.load(
                entities: [Booking.self], databases: [.sqlite], caches: [.memory], from: "/etc/app/tenancy.yaml")
            _ = config
        }
        let page = try String(
            contentsOf: DocumentedCodeTests.repository.appending(path: "docs/guide.md"), encoding: .utf8)
        let yaml = try #require(page.components(separatedBy: "```yaml\n").last?.components(separatedBy: "```").first)
        let file = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID()).yaml")
        try yaml.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let config = try await SDKConfig.load(
            entities: [Booking.self], databases: [.sqlite], caches: [.memory], from: file.path, environment: [:])
        #expect(
            config.callTimeout == .seconds(10) && config.database.name == "sqlite" && config.cache?.name == "memory")
    }

    private func writing(_ acme: TenantHandle, _ sdk: MultiTenantSDK) async throws {
        let lines = Mutex<[String]>([])
        let log: @Sendable (String) -> Void = { line in lines.withLock { $0.append(line) } }
        let new = Booking.sample("Mary O'Hara")

        let stored = try await acme.create(new)
        let upgraded = try await acme.update(stored.with(cabin: .business))
        try await acme.query(Booking.self).where { $0.cabin == .economy }.update(.add(5, to: \.price))
        try await acme.delete(Booking.self, upgraded.id)
        #expect(stored.version == 1 && upgraded.version == 2)

        let bookings = (1...3).map { Booking.sample("Guest \($0)") } + [.sample("Too long", seat: "123456")]
        let result = try await acme.bulkCreate(
            bookings,
            options: BulkOptions(batchSize: 1_000, atomicity: .row) { progress in
                log("\(progress.processed) of \(progress.total ?? 0)")
            })
        for failure in result.failures { log("row \(failure.row): \(failure.error)") }
        #expect(result.affected == 3 && result.failures.map(\.row) == [3])

        let id = bookings[0].id
        try await acme.transaction { transaction in
            guard var booking = try await transaction.read(Booking.self, id) else { return }
            booking.seat = "12A"
            try await transaction.update(booking)
        }
        #expect(try await acme.read(Booking.self, id)?.seat == "12A")

        try await acme.create(stored)
        do {
            try await acme.create(stored)
        } catch {
            guard error.code == .uniqueViolation else { throw error }
            log("\(error.code): \(error.hint)")
        }
        #expect(lines.withLock { $0.last?.hasPrefix("uniqueViolation") } == true)

        let revenue = try await sdk.withSystemAccess(reason: "monthly invoice run", actor: "billing") { system in
            var revenue: [TenantID: Decimal] = [:]
            try await system.forEachTenant { tenant, handle in
                revenue[tenant.id] = try await handle.query(Booking.self).aggregate(.sum(\.price)) ?? 0
            }
            return revenue
        }
        #expect(revenue == [acme.id: 400])
    }

    private struct Dashboard: Codable, Equatable {
        var title: String
    }

    private func caching(_ acme: TenantHandle) async throws {
        let (dashboard, newer) = (Dashboard(title: "Monday"), Dashboard(title: "Tuesday"))

        try await acme.cache.set("dashboard", dashboard, timeToLive: .seconds(60))
        let shown = try await acme.cache.get("dashboard", as: Dashboard.self)
        let calls = try await acme.cache.increment("calls:2026-11-21", timeToLive: .seconds(86_400))
        let isFirst = try await acme.cache.setIfAbsent("welcome", true, timeToLive: .seconds(3_600))
        let isMine = try await acme.cache.compareAndSet("dashboard", from: shown, to: newer)
        #expect(shown == dashboard && calls == 1 && isFirst && isMine)

        var place: CacheCursor?
        repeat {
            let page = try await acme.cache.scan(prefix: "calls:", after: place)
            try await acme.cache.remove(page.keys)
            place = page.next
        } while place != nil
        let left = try await acme.cache.get("calls:2026-11-21", as: Int.self)
        #expect(left == nil)

        var fences: [Int64] = []
        func makeInvoices(fence: Int64) async throws { fences.append(fence) }

        try await acme.cache.withLock("invoices", for: .seconds(30), waitingUpTo: .seconds(5)) { lock in
            try await makeInvoices(fence: lock.fence)
        }
        #expect(fences.count == 1)
    }

    private func reading(_ acme: TenantHandle) async throws {
        let all = try await acme.query(Booking.self).all()
        let (id, otherID) = (all[0].id, all[1].id)
        let tomorrow = Date(timeIntervalSince1970: 1e9 + 86_400)

        let booking = try await acme.read(Booking.self, id)
        let several = try await acme.read(Booking.self, ids: [id, otherID])
        let fresh = try await acme.read(Booking.self, id, options: .uncached)
        #expect(booking?.id == id && fresh?.id == id && several.map(\.id) == [id, otherID])

        var config = SDKConfig(database: .sqlite(path: "bookings.sqlite"), entities: [Booking.self])
        config.caching.entities["bookings"] = SDKConfig.EntityPolicy(
            timeToLive: .seconds(3_600), consistency: .relaxed(maximumStaleness: .seconds(2)))
        let exact = try await acme.read(Booking.self, id, options: ReadOptions(consistency: .strong))
        #expect(exact?.id == id && config.caching.entities.count == 1)

        let report = acme.reading(.relaxed(maximumStaleness: .seconds(5)))
        let total = try await report.query(Booking.self).count()
        #expect(total == all.count)

        let soon = try await acme.query(Booking.self)
            .where { $0.departure < tomorrow && ($0.cabin == .business || $0.seat.isNull) }
            .where { !$0.passenger.hasPrefix("Test ") }
            .sorted(by: \.departure)
            .limit(20)
            .all()
        #expect(soon.count == 3)

        var cursor: Cursor?
        repeat {
            let page = try await acme.query(Booking.self).sorted(by: \.price).page(size: 100, after: cursor)
            cursor = page.next
        } while cursor != nil

        let (count, mean) = try await acme.query(Booking.self).aggregate(.count(), .average(\.price))
        let byCabin = try await acme.query(Booking.self).grouped(by: \.cabin, .count(), .maximum(\.price))
        let bySeat = try await acme.query(Booking.self).grouped(by: \.cabin, \.seat, figures: .count(), .sum(\.price))
        let seats = try await acme.query(Booking.self).select(\.passenger, \.seat)
        #expect(bySeat.reduce(0) { $0 + $1.figures.0 } == 4)
        #expect(count == 4 && mean == 100 && byCabin.count == 1 && seats.contains { $0.1 == "12A" })

        var exported: [UUID] = []
        func export(_ booking: Booking) { exported.append(booking.id) }
        for try await booking in try await acme.query(Booking.self).stream(batchSize: 500) {
            export(booking)
        }
        #expect(Set(exported) == Set(all.map(\.id)))

        var marked: [String] = []
        func show(_ booking: Booking, marked ranges: [Range<String.Index>]) {
            marked += ranges.map { String(booking.passenger[$0]) }
        }
        let hits = try await acme.search(Booking.self, "o'hara", limit: 10)
        for hit in hits { show(hit.element, marked: hit.highlights(in: hit.element.passenger)) }
        let inFirst = try await acme.search(Booking.self, "o'hara") { $0.price > 1_000 }
        #expect(hits.map(\.element.passenger) == ["Mary O'Hara"] && inFirst.isEmpty)

        let records = try acme.records("bookings")
        let dear = records.query().where(.compare(field: "price", .greater, .decimal(1_000))).sorted(
            by: "price", .descending)
        let pairs = try await dear.select(["passenger", "price"])
        let made = try await records.query(Query(filter: .isNull(field: "seat"), limit: 10)).all()
        #expect(pairs.isEmpty && made.allSatisfy { $0["seat"] == .null })
        #expect(marked == ["O", "Hara"])
    }
}
