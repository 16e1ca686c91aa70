// Shows that ThreadSanitizer works here before it is believed: `race` must be reported, `lock` must not.
import Dispatch
import Synchronization

final class Counts: @unchecked Sendable {
    // Unchecked: that is the point.
    let mutex = Mutex(())
    var locked = 0
    var raced = 0
}

let counts = Counts()
let races = CommandLine.arguments.contains("race")
DispatchQueue.concurrentPerform(iterations: 8) { _ in
    for _ in 0..<200_000 {
        if races { counts.raced += 1 } else { counts.mutex.withLock { _ in counts.locked += 1 } }
    }
}
