/// One line of results: ours beside the floor.
struct Measurement {
    let name: String
    /// How many tasks called us at once. The floor is always one thread.
    let tasks: Int
    let operationsPerSecond: Double
    /// What ours is compared with.
    let floor: String
    let floorOperationsPerSecond: Double
    /// Of how long a caller waited.
    let p50Microseconds: Double
    let p99Microseconds: Double
    /// Of all threads of the process.
    let cpuMicrosecondsPerOperation: Double
    let peakMebibytes: Double

    var ratio: Double { operationsPerSecond / floorOperationsPerSecond }

    /// How long one operation of one task takes on average, which is not the time between two if many run at once.
    var nanosecondsPerOperation: Double { Double(tasks) * 1e9 / operationsPerSecond }
}
