import Foundation
import Tenancy
import TenancySQLite
import Testing

@testable import Quickstart

/// A check that can't fail shows nothing. Here the intruder is given the victim's own handle, which does reach the rows.
@Suite struct IntruderTests {
    @Test("Every way of the isolation check notices a leak")
    func noticesLeaks() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).sqlite").path
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Flight.self, Airport.self, Plane.self]))
        try await sdk.tenants.create(TenantID("UA"), name: "United")
        for way in Intruder.ways {
            let victim = try await sdk.tenant("UA")
            try await victim.bulkUpsert(Self.flights)
            try await victim.upsert(Self.airport)
            let intruder = Intruder(
                own: victim, victim: victim, targets: Self.flights, foreignAirports: [Self.airport])
            var attempts = Attempts()
            do {
                try await way.attack(intruder, &attempts)
                #expect(attempts.leaks > 0, "\(way.name)")
            } catch let error as TenancyError {
                // Its own record with that id can't be created beside the one that is there.
                #expect(error.code == .uniqueViolation, "\(way.name)")
            }
        }
        await sdk.shutDown()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    @Test("Nothing that was tried, or nothing to try it with, shows nothing")
    func noAttempts() {
        var attempts = Attempts()
        #expect(!attempts.showIsolation)
        attempts.add(false)
        #expect(attempts.showIsolation)
        attempts.skip()
        #expect(!attempts.showIsolation)
    }

    private static let airport = Airport(
        id: "ORD", name: "Chicago Ohare Intl", latitude: 41.98, longitude: -87.9, altitude: 668, timeZone: nil)

    private static let flights = (1...3).map { number in
        Flight(
            id: "UA\(number)-20130101-EWR", carrier: "UA", number: number, tailNumber: nil, origin: "EWR",
            destination: "ORD", scheduledDeparture: Timestamp(microsecondsSince1970: 1_357_034_400_000_000),
            departureTime: nil, departureDelay: nil, scheduledArrivalTime: 819, arrivalTime: nil, arrivalDelay: nil,
            airTime: nil, distance: 719)
    }
}
