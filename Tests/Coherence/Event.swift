import Foundation

/// What one process did at one record.
struct Event: Sendable, Equatable {
    enum Kind: UInt8, Sendable {
        /// A strong read has ended.
        case strongRead = 1
        /// A read that may be old has ended.
        case relaxedRead
        /// A write was acknowledged.
        case write
        /// A deletion is about to be asked for.
        case deletionBegun
        /// A write or a read was refused or has failed, and whether it had an effect is unknown.
        case failure
        /// A read returned a record that another tenant wrote.
        case foreign
        /// The cache has answered so many look-ups since the last such event of the process: the version.
        case cacheHits
        /// The process's own copies have answered so many.
        case localHits
        /// A read past the cache has ended. What it returned is known from then on, even if its writer was not told that
        /// it has written it, or is dead.
        case databaseRead

        /// Whether it is one of the operations that are counted: a read, or an acknowledged write.
        var isOperation: Bool {
            switch self {
            case .strongRead, .relaxedRead, .databaseRead, .write: true
            case .deletionBegun, .failure, .foreign, .cacheHits, .localHits: false
            }
        }
    }

    /// The version of a record that is not there, or not yet.
    static let absent: Int64 = 0
    /// The version of a record that was there and never will be again.
    static let deleted = Int64.max

    let kind: Kind
    let key: RecordKey
    /// Of what was read or written, or a count.
    var version: Int64 = 0
    /// A moment before the call, and one after it.
    let interval: ClosedRange<Int64>
}

/// One record of one tenant.
struct RecordKey: Sendable, Hashable {
    /// What stands where no record is meant.
    static let none = RecordKey(tenant: 0, slot: 0, generation: 0)

    let tenant: UInt16
    let slot: UInt16
    /// Which of the records that follow one another in the slot.
    let generation: UInt32

    /// The record's key in the database.
    var id: String { "\(slot)-\(generation)" }
}

/// The clock that all processes of a machine share.
enum SharedClock {
    /// Nanoseconds since some moment.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
