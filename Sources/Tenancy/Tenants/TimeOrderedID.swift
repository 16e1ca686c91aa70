import Foundation
import Synchronization
import TenancyCore

/// Ids in the order in which this process made them: UUIDs of version 7, which begin with the time.
///
/// A trail is sorted by times of whole milliseconds, and a database breaks ties by the id. A random one would let a
/// tenant's deletion seem to have ended before it began.
enum TimeOrderedID {
    /// The last id's milliseconds, 48 bits, and its number among those of the millisecond, 12 bits.
    private static let last = Mutex<UInt64>(0)

    static func next(at time: Timestamp = .now) -> UUID {
        let milliseconds = UInt64(max(0, time.microsecondsSince1970 / 1_000))
        let ticks = last.withLock { last in
            // A full millisecond borrows from the next one, and so does a clock that was put back.
            last = max(milliseconds << 12, last + 1)
            return last
        }
        let random = UInt64.random(in: 0 ... .max)
        // Version and variant take 4 and 2 bits of what is not the time.
        let high = (ticks >> 12) << 16 | 0x7000 | (ticks & 0xFFF)
        let low = (random & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        func byte(_ word: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word >> (56 - 8 * index)) }
        return UUID(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6),
                byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5),
                byte(low, 6), byte(low, 7)
            ))
    }
}
