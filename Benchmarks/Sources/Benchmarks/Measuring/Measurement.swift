/// One line of results: ours beside the floor.
struct Measurement {
    let name: String
    /// How many tasks called us at once. The floor is always one thread.
    let tasks: Int
    /// On which executor they ran, if that makes a difference: `global` or `sdk`.
    var executor: String?
    let operationsPerSecond: Double
    /// What ours is compared with.
    let floor: String
    let floorOperationsPerSecond: Double
    /// Of how long a caller waited.
    let p50Microseconds: Double
    let p99Microseconds: Double
    /// The same of the floor, where single operations of it are timed.
    var floorP99Microseconds: Double?
    /// Of all threads of the process.
    let cpuMicrosecondsPerOperation: Double
    let peakMebibytes: Double
    /// How much more that is than before the work, where that was looked at.
    var mebibytesAboveIdle: Double?
    /// How many of all look-ups the cache answered, 0 to 1, where that was looked at.
    var hitRate: Double?
    /// How many of the statements that the database gets without a cache it did not get, 0 to 1.
    var statementsSaved: Double?
    /// How often the database was asked for what many tasks wanted at once, at most.
    var loads: Double?

    var ratio: Double { operationsPerSecond / floorOperationsPerSecond }

    /// How much longer a hundredth of our callers waited than of the floor's.
    var p99Ratio: Double? { floorP99Microseconds.map { p99Microseconds / $0 } }

    /// How long one operation of one task takes on average, which is not the time between two if many run at once.
    var nanosecondsPerOperation: Double { Double(tasks) * 1e9 / operationsPerSecond }
}
