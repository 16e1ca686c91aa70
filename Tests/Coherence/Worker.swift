import Foundation
import Synchronization
import Tenancy

/// One of the processes that read and write, until its standard input ends.
package enum Worker {
    /// Runs the process, whose settings stand on the first line of the standard input.
    package static func main() async throws {
        guard let line = readLine() else { throw CheckError("A worker was told nothing.") }
        let settings = try JSONDecoder().decode(WorkerSettings.self, from: Data(line.utf8))
        let isOver = StopFlag()
        Thread.detachNewThread {
            while readLine() != nil {}
            isOver.raise()
        }
        let (sdk, handles) = try await start(settings)
        let log = try EventLog(path: settings.log)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await count(sdk, log, until: isOver) }
            for task in 0..<settings.tasks {
                let clerk = Clerk(handles: handles, log: log)
                // Half of them as a server's handlers are that run on the SDK's threads.
                group.addTask(executorPreference: task.isMultiple(of: 2) ? sdk.executor : nil) {
                    while !isOver.isRaised { await clerk.work() }
                }
            }
        }
        await sdk.shutDown()
    }

    /// Tells every moment what was found in the caches.
    private static func count(_ sdk: MultiTenantSDK, _ log: EventLog, until isOver: StopFlag) async {
        var told = (cache: 0, local: 0)
        while !isOver.isRaised {
            try? await Task.sleep(for: .milliseconds(100))
            let cache = sdk.data.cacheStatistics?.hits ?? 0
            let local = sdk.data.localCacheStatistics?.hits ?? 0
            let news = [(Event.Kind.cacheHits, cache - told.cache), (.localHits, local - told.local)]
            for (kind, count) in news where count > 0 {
                log.append(Event(kind: kind, key: .none, version: Int64(count), interval: 0...0))
            }
            told = (cache, local)
        }
    }

    /// Connections are cut while a process begins, too.
    private static func start(_ settings: WorkerSettings) async throws -> (MultiTenantSDK, [TenantHandle]) {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                let sdk = try await MultiTenantSDK(config: settings.configuration())
                do {
                    var handles: [TenantHandle] = []
                    for tenant in settings.tenants { handles.append(try await sdk.tenant(tenant)) }
                    return (sdk, handles)
                } catch {
                    await sdk.shutDown()
                    throw error
                }
            } catch {
                guard TenancyError.wrap(error).isRetryable, ContinuousClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// Says that it is time to stop.
final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isRaised: Bool { flag.load(ordering: .relaxed) }
    func raise() { flag.store(true, ordering: .relaxed) }
}
