import Foundation

/// Another program, whose output is wanted.
struct Subprocess {
    let name: String
    var environment: [String: String] = [:]

    /// What a program wrote, and what computing it took.
    struct Output {
        let text: String
        /// The processor time of the program; of others that ended at the same time too.
        let cpu: Duration
    }

    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - arguments: Its arguments, which any user of the machine can see.
    ///   - input: What it reads.
    /// - Throws: ``BenchmarkError`` with what it wrote, if it is absent or fails.
    func run(_ arguments: [String], input: String = "") async throws -> Output {
        let before = ProcessUsage.childrenCPU
        let process = try start(arguments, input: input)
        let text = await process.text()
        guard process.succeeded else { throw BenchmarkError("\(name) failed: \(text.suffix(800))") }
        return Output(text: text, cpu: ProcessUsage.childrenCPU - before)
    }

    /// Starts the program and leaves it at work.
    func start(_ arguments: [String], input: String = "") throws -> RunningProcess {
        try RunningProcess(name, arguments, environment, input)
    }
}

/// A program at work. Its output goes to a file, so that it never waits for us.
final class RunningProcess: Sendable {
    private let process: Process
    private let files: URL
    private let ended: AsyncStream<Void>

    init(_ name: String, _ arguments: [String], _ environment: [String: String], _ input: String) throws {
        files = FileManager.default.temporaryDirectory.appending(path: "tenancy-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
        let script = files.appending(path: "input")
        let output = files.appending(path: "output")
        try Data(input.utf8).write(to: script)
        try Data().write(to: output)
        let written = try FileHandle(forWritingTo: output)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: script)
        process.standardOutput = written
        process.standardError = written
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        self.ended = ended
        process.terminationHandler = { _ in continuation.finish() }
        try Self.withSignals { try process.run() }
    }

    /// The pool's threads block every signal, and a program inherits that: pgbench would never hear its own alarm.
    private static func withSignals(_ body: () throws -> Void) rethrows {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_UNBLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    var succeeded: Bool { process.terminationReason == .exit && process.terminationStatus == 0 }

    /// What the program wrote, once it has ended.
    func text() async -> String {
        for await _ in ended {}
        defer { try? FileManager.default.removeItem(at: files) }
        let data = (try? Data(contentsOf: files.appending(path: "output"))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// Ends the program.
    func end() async {
        if process.isRunning { process.terminate() }
        _ = await text()
    }
}
