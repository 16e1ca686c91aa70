import Foundation
import Synchronization
import Testing

@testable import TenancyCore
@testable import TenancyIO

#if canImport(Glibc)
    import Glibc
#endif

/// One end of a socket pair that sends back what it reads.
private actor Echo {
    let reactor: Reactor
    let descriptor: Int32
    private var source: ReactorSource?
    private(set) var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    init(_ reactor: Reactor, _ descriptor: Int32) {
        self.reactor = reactor
        self.descriptor = descriptor
    }

    func start() throws {
        source = try reactor.register(descriptor, watching: .readable) { [weak self] events in
            self?.assumeIsolated { $0.handle(events) }
        }
    }

    private func handle(_ events: ReactorEvents) {
        if events.contains(.stopped) { isStopped = true }
        // One byte at a time: the level has to call again for the rest.
        var byte: UInt8 = 0
        guard read(descriptor, &byte, 1) == 1 else {
            source?.cancel()
            return
        }
        _ = write(descriptor, &byte, 1)
    }
}

private func socketPair() throws -> (Int32, Int32) {
    var pair: [Int32] = [0, 0]
    #if canImport(Glibc)
        let kind = Int32(SOCK_STREAM.rawValue)
    #else
        let kind = SOCK_STREAM
    #endif
    try #require(socketpair(AF_UNIX, kind, 0, &pair) == 0)
    for descriptor in pair { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
    return (pair[0], pair[1])
}

private final class Watcher: ReactorObserver {
    let held = Mutex<[(String, Duration)]>([])
    let freed = Counter()
    var names: [String] { held.withLock { $0.map(\.0) } }
    func reactorIsHeld(_ name: String, for duration: Duration) { held.withLock { $0.append((name, duration)) } }
    func reactorIsFree(_ name: String, after duration: Duration) { freed.increment() }
}

@Suite(.timeLimit(.minutes(2))) struct ReactorIOTests {
    @Test("Two hundred sockets echo, byte for byte")
    func echo() async throws {
        try await withReactor { reactor in
            var echoes: [Echo] = []
            var ends: [Int32] = []
            for _ in 0..<200 {
                let (near, far) = try socketPair()
                let echo = Echo(reactor, far)
                try await echo.start()
                echoes.append(echo)
                ends.append(near)
            }
            let text = Array("hello, reactor".utf8)
            for end in ends { #expect(write(end, text, text.count) == text.count) }
            for end in ends {
                var answer: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 64)
                while answer.count < text.count {
                    let count = read(end, &buffer, 64)
                    if count > 0 { answer += buffer[..<count] } else { try await Task.sleep(for: .milliseconds(1)) }
                }
                #expect(answer == text)
                close(end)
            }
            while await reactor.loop(\.sourceCount) > 0 { try await Task.sleep(for: .milliseconds(1)) }
            for echo in echoes { close(echo.descriptor) }
        }
    }

    @Test("What is written in one turn is sent once, at its end")
    func endOfTurn() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            await withUnsafeContinuation { done in
                reactor.execute {
                    reactor.atEndOfTurn {
                        actor.assumeIsolated { $0.append(3) }
                        done.resume()
                    }
                    actor.assumeIsolated { $0.append(1) }
                    reactor.execute { actor.assumeIsolated { $0.append(2) } }
                }
            }
            #expect(await actor.log == [1, 2, 3])
        }
    }

    @Test("A storm of jobs that beget jobs starves neither a socket nor a timer nor the end of turns")
    func jobStorm() async throws {
        try await withReactor { reactor in
            let storm = Storm(reactor)
            for _ in 0..<1_000 { storm.again() }
            let (near, far) = try socketPair()
            let echo = Echo(reactor, far)
            try await echo.start()
            let start = ContinuousClock.now
            var byte: UInt8 = 42
            #expect(write(near, &byte, 1) == 1)
            byte = 0
            while read(near, &byte, 1) != 1 { try await Task.sleep(for: .milliseconds(1)) }
            try await reactor.sleep(until: ContinuousClock.now + .milliseconds(5))
            await withUnsafeContinuation { done in reactor.execute { reactor.atEndOfTurn { done.resume() } } }
            #expect(byte == 42)
            #expect(ContinuousClock.now - start < .seconds(5))
            storm.end()
            close(near)
            close(far)
        }
    }

    @Test("Sockets and timers that are always ready starve neither jobs nor each other")
    func eventStorm() async throws {
        try await withReactor { reactor in
            let storm = Storm(reactor)
            var pairs: [(Int32, Int32)] = []
            for _ in 0..<200 {
                let pair = try socketPair()
                var byte: UInt8 = 1
                #expect(write(pair.0, &byte, 1) == 1)
                pairs.append(pair)
            }
            let watched = pairs.map(\.1)
            let counts = Counts(pairs.count)
            await withUnsafeContinuation { done in
                reactor.execute {
                    for (index, descriptor) in watched.enumerated() {
                        // Nothing reads, so every one of them is ready in every turn.
                        _ = try? reactor.register(descriptor, watching: .readable) { events in
                            if !events.contains(.stopped) { counts.add(index) }
                        }
                    }
                    done.resume()
                }
            }
            for _ in 0..<500 { storm.againByTimer() }
            let actor = OnReactor(reactor)
            for value in 0..<1_000 { await actor.append(value) }
            try await Task.sleep(for: .milliseconds(100))
            storm.end()
            #expect(await actor.log.count == 1_000)
            let seen = counts.values
            let least = try #require(seen.min())
            let most = try #require(seen.max())
            #expect(least > 0)
            #expect(most <= least * 2 + 10, "Some sockets were served \(most) times and others \(least).")
            for (near, far) in pairs {
                close(near)
                close(far)
            }
        }
    }

    @Test("A cancelled source is not called again, not even for an event that was collected with others")
    func cancelledSource() async throws {
        try await withReactor { reactor in
            let (near, far) = try socketPair()
            let (near2, far2) = try socketPair()
            let calls = Counter()
            let holder = SourceHolder()
            var byte: UInt8 = 1
            #expect(write(near, &byte, 1) == 1)
            #expect(write(near2, &byte, 1) == 1)
            await withUnsafeContinuation { done in
                reactor.execute {
                    let first = try? reactor.register(far, watching: .readable) { _ in
                        calls.increment()
                        holder.cancelAll()
                    }
                    let second = try? reactor.register(far2, watching: .readable) { _ in
                        calls.increment()
                        holder.cancelAll()
                    }
                    holder.sources = [first, second].compactMap { $0 }
                    done.resume()
                }
            }
            try await Task.sleep(for: .milliseconds(20))
            #expect(calls.value == 1)
            for descriptor in [near, far, near2, far2] { close(descriptor) }
        }
    }

    @Test("A watchdog names the reactor that one job holds, once, and says when it is free")
    func watchdog() async throws {
        let watcher = Watcher()
        let group = try ReactorGroup(name: "dog", count: 2, observer: watcher, threshold: .milliseconds(40))
        await withUnsafeContinuation { done in
            group.reactors[1].execute {
                let end = ContinuousClock.now + .seconds(20)
                while watcher.names.isEmpty, ContinuousClock.now < end { usleep(5_000) }
                usleep(60_000)
                done.resume()
            }
        }
        let actor = OnReactor(group.reactors[0])
        for value in 0..<1_000 { await actor.append(value) }
        for _ in 0..<1_000 where watcher.freed.value == 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(watcher.names.filter { $0 == "dog-1" }.count == 1)
        #expect(watcher.held.withLock { $0.allSatisfy { $0.1 >= .milliseconds(40) } })
        #expect(watcher.freed.value >= 1)
        await group.stop()
    }

    @Test("A group gives a tenant always the same reactor, and spreads tenants")
    func sharding() async throws {
        let group = try ReactorGroup(name: "shard", count: 3)
        let tenants = try (0..<300).map { try TenantID("tenant-\($0)") }
        let counts = Dictionary(grouping: tenants) { ObjectIdentifier(group.reactor(for: $0)) }
        #expect(counts.count == 3)
        #expect(counts.values.allSatisfy { $0.count > 50 })
        #expect(tenants.allSatisfy { group.reactor(for: $0) === group.reactor(for: $0) })
        #expect(Set((0..<3).map { _ in ObjectIdentifier(group.next()) }).count == 3)
        await group.stop()
    }
}

private final class Counts: Sendable {
    private let counts: Mutex<[Int]>
    init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }
    func add(_ index: Int) { counts.withLock { $0[index] += 1 } }
    var values: [Int] { counts.withLock { $0 } }
}

// Unchecked, because it is used on one reactor only.
private final class SourceHolder: @unchecked Sendable {
    var sources: [ReactorSource] = []
    func cancelAll() { for source in sources { source.cancel() } }
}

/// Work that gives itself to the reactor again for ever.
private final class Storm: Sendable {
    private let reactor: Reactor
    private let goesOn = Atomic<Bool>(true)

    init(_ reactor: Reactor) { self.reactor = reactor }

    func again() {
        guard goesOn.load(ordering: .relaxed) else { return }
        reactor.execute { self.again() }
    }

    func againByTimer() {
        guard goesOn.load(ordering: .relaxed) else { return }
        _ = try? reactor.schedule(after: .zero) { self.againByTimer() }
    }

    func end() { goesOn.store(false, ordering: .relaxed) }
}

extension Reactor {
    /// A value of the loop, read where it may be.
    fileprivate func loop<Value: Sendable>(_ path: sending KeyPath<ReactorLoop, Value>) async -> Value {
        await Task(executorPreference: taskExecutor) { self.loop[keyPath: path] }.value
    }
}
