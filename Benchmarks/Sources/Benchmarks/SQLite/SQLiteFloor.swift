import CFloor
import Foundation
import Tenancy

/// SQLite by its C interface, on one connection.
final class SQLiteFloor {
    /// What the adapter's connections cache, unless configured otherwise.
    private static let cacheBytes: Int32 = 16 << 20

    private let floor: OpaquePointer

    init(_ path: String) throws {
        guard let floor = floor_sqlite_open(path, Self.cacheBytes) else {
            throw BenchmarkError("The floor can't open '\(path)'.")
        }
        self.floor = floor
    }

    deinit { floor_sqlite_close(floor) }

    func execute(_ sql: String) throws { try check(floor_sqlite_execute(floor, sql)) }

    /// The statements that made a table and its indexes.
    func schema(of table: String) throws -> String {
        guard let schema = floor_sqlite_schema(floor, table) else { throw BenchmarkError("There is no such table.") }
        defer { free(schema) }
        return String(cString: schema)
    }

    /// Reads rows, all of which must be there.
    func read(_ requests: ArraySlice<floor_request>, tenants: [UnsafePointer<CChar>?]) throws {
        var sum: Int64 = 0
        let found = requests.withUnsafeBufferPointer {
            floor_sqlite_read(floor, tenants, $0.baseAddress, Int64($0.count), &sum)
        }
        guard found == requests.count, sum != 0 else { throw BenchmarkError("The floor missed rows: \(message)") }
    }

    /// Inserts rows in one transaction.
    func insert(_ rows: FloorRows, tenant: String) throws {
        try check(floor_sqlite_insert(floor, tenant, rows.rows, Int64(rows.rows.count), rows.text))
    }

    private var message: String { String(cString: floor_sqlite_message(floor)) }

    private func check(_ code: Int32) throws {
        guard code == 0 else { throw BenchmarkError("The floor failed: \(message)") }
    }
}

/// Bookings in the form that the floor takes.
struct FloorRows {
    private(set) var rows: [floor_booking] = []
    private(set) var text: [CChar] = []

    init(_ bookings: [Booking]) {
        for booking in bookings {
            let passenger = add(booking.passenger)
            let seat = booking.seat.map { add($0) }
            rows.append(
                floor_booking(
                    id: Int64(booking.id), miles: Int64(booking.miles),
                    departure: booking.departure.microsecondsSince1970, fare: booking.fare,
                    passenger_start: passenger.start, passenger_length: passenger.length, seat_start: seat?.start ?? 0,
                    seat_length: seat?.length ?? -1))
        }
    }

    private mutating func add(_ string: String) -> (start: Int32, length: Int32) {
        let start = Int32(text.count)
        text.append(contentsOf: string.utf8.map { CChar(bitPattern: $0) })
        return (start, Int32(text.count) - start)
    }
}
