import Synchronization
import Tenancy

/// The least that reading a cached record can be: a dictionary for many threads, and the record made by hand from the
/// bytes in it. No tenant is checked, and damaged bytes are taken for whole ones.
final class EncodedBookings: Sendable {
    static let floor = "Mutex<[String: [UInt8]]>, six fields decoded by hand"

    /// The four numbers, and the lengths of the two texts.
    private static let headerLength = 34
    private static let noSeat = UInt8.max

    private let values: Mutex<[String: [UInt8]]>
    private let names: [String]

    /// Holds the examples of 1 to that many.
    init(count: Int) {
        names = (1...count).map { "tenant-1:r:bookings:0123456789abcdef:\($0)" }
        let records = (1...count).map { Self.encode(Booking.example($0)) }
        values = Mutex(Dictionary(zip(names, records), uniquingKeysWith: { first, _ in first }))
    }

    /// Reads records for a while, by names that were made before.
    func read(for duration: Duration) async throws -> Round {
        let workers = Workers(tasks: 1, block: 16)
        return try await workers.run(for: duration) { [self] numbers in
            for number in numbers {
                let place = CacheExample.position(number) % names.count
                let bytes = values.withLock { $0[names[place]] }
                guard let bytes, Self.decode(bytes).id == place + 1 else {
                    throw BenchmarkError("A value is missing.")
                }
            }
        }
    }

    private static func encode(_ booking: Booking) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [
            UInt64(booking.id), booking.fare.bitPattern, UInt64(booking.miles),
            UInt64(bitPattern: booking.departure.microsecondsSince1970),
        ] {
            withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        }
        bytes.append(UInt8(booking.passenger.utf8.count))
        bytes.append(booking.seat.map { UInt8($0.utf8.count) } ?? noSeat)
        bytes.append(contentsOf: booking.passenger.utf8)
        bytes.append(contentsOf: (booking.seat ?? "").utf8)
        return bytes
    }

    private static func decode(_ bytes: [UInt8]) -> Booking {
        bytes.withUnsafeBytes { bytes in
            func number(_ place: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: place * 8, as: UInt64.self) }
            let passengerEnd = headerLength + Int(bytes[32])
            let seat: String? =
                bytes[33] == noSeat
                ? nil : String(decoding: bytes[passengerEnd..<passengerEnd + Int(bytes[33])], as: UTF8.self)
            return Booking(
                id: Int(number(0)), passenger: String(decoding: bytes[headerLength..<passengerEnd], as: UTF8.self),
                seat: seat, fare: Double(bitPattern: number(1)), miles: Int(number(2)),
                departure: Timestamp(microsecondsSince1970: Int64(bitPattern: number(3))))
        }
    }
}
