import Coherence
import Foundation

/// `scripts/check-coherence` without its building and its servers.
@main
enum CheckCoherence {
    static func main() async {
        do {
            if CommandLine.arguments.dropFirst() == ["worker"] { return try await Worker.main() }
            let arguments = try Arguments(CommandLine.arguments.dropFirst())
            let task = Task { try await Check(arguments.options).run() }
            let signals = [SIGINT, SIGTERM].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number)
                source.setEventHandler { task.cancel() }
                source.resume()
                return source
            }
            let outcome = try await task.value
            signals.forEach { $0.cancel() }
            Report(outcome).print(isJSON: arguments.isJSON)
            if !outcome.verdict.isClean { exit(1) }
        } catch let error as Arguments.Problem {
            complain("\(error.description)\nscripts/check-coherence --help lists the options.")
            exit(64)
        } catch {
            complain("\(error)")
            exit(2)
        }
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data("error: \(text)\n".utf8))
    }
}
