import Foundation

/// The processes that read and write. Who ends is replaced.
final class Crew {
    private final class Member {
        let process = Process()
        /// Whose end tells the process to stop, also if this one is gone.
        let input = Pipe()
        let log: String
        var wasKilled = false

        init(log: String) { self.log = log }
    }

    private let settings: WorkerSettings
    private let options: CheckOptions
    private let folder: URL
    private var members: [Member] = []
    private(set) var logs: [String] = []
    /// How many events of each log were counted.
    private var read: [Int] = []
    private var operations = 0
    /// How many processes have ended themselves between a commit and its invalidation.
    private(set) var ownDeaths = 0

    init(_ settings: WorkerSettings, _ options: CheckOptions, _ folder: URL) {
        self.settings = settings
        self.options = options
        self.folder = folder
    }

    /// Looks at the events since the last time.
    ///
    /// - Returns: How many reads and acknowledged writes there were so far.
    func countOperations() throws -> Int {
        for (number, log) in logs.enumerated() {
            read[number] = try EventLog.read(log, from: read[number]) { if $0.kind.isOperation { operations += 1 } }
        }
        return operations
    }

    /// Replaces who has ended.
    ///
    /// - Throws: ``CheckError`` if one ended in a way that was not meant.
    func fill() throws {
        for member in members where !member.process.isRunning {
            let isKilled = member.process.terminationReason == .uncaughtSignal
            guard isKilled, member.process.terminationStatus == SIGKILL else {
                throw CheckError(
                    "A process has ended with \(isKilled ? "signal" : "code") \(member.process.terminationStatus).")
            }
            if !member.wasKilled { ownDeaths += 1 }
        }
        members.removeAll { !$0.process.isRunning }
        while members.count < options.processes { members.append(try launch()) }
    }

    /// Kills one at any moment; `false` if all are gone.
    func killOne() -> Bool {
        guard let member = members.filter(\.process.isRunning).randomElement() else { return false }
        member.wasKilled = true
        return Foundation.kill(member.process.processIdentifier, SIGKILL) == 0
    }

    /// Lets all come to their end.
    func stop() async throws {
        for member in members { try member.input.fileHandleForWriting.close() }
        let end = ContinuousClock.now + .seconds(60)
        while members.contains(where: \.process.isRunning) {
            guard ContinuousClock.now < end else { throw CheckError("A process did not stop within a minute.") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func kill() {
        for member in members where member.process.isRunning {
            Foundation.kill(member.process.processIdentifier, SIGKILL)
            member.process.waitUntilExit()
        }
    }

    private func launch() throws -> Member {
        var settings = settings
        let log = folder.appending(path: "\(logs.count).log").path
        // Before the process, so that its size can be asked for.
        _ = try EventLog(path: log)
        settings.log = log
        // Two of three die on their own. Times are of the order of the pauses, so that there are about as many deaths
        // as other disturbances.
        if !logs.count.isMultiple(of: 3) {
            let pause = options.pause / .nanoseconds(1)
            settings.death = SharedClock.now() + Int64(pause * Double.random(in: 1...4))
        }
        logs.append(log)
        read.append(0)
        let member = Member(log: log)
        member.process.executableURL = options.program
        member.process.arguments = ["worker"]
        member.process.environment = ProcessInfo.processInfo.environment.merging(
            ["SWIFT_BACKTRACE": "enable=no"], uniquingKeysWith: { $1 })
        member.process.standardInput = member.input
        member.process.standardOutput = FileHandle.nullDevice
        try member.process.run()
        try member.input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(settings) + Data("\n".utf8))
        return member
    }
}
