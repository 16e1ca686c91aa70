import Foundation
import Testing

@testable import Coherence

@Suite("What the checker makes of what happened") struct HistoryTests {
    private let key = RecordKey(tenant: 1, slot: 2, generation: 3)

    private func event(_ kind: Event.Kind, _ version: Int64, _ interval: ClosedRange<Int64>) -> Event {
        Event(kind: kind, key: key, version: version, interval: interval)
    }

    private func verdict(_ events: [Event], bound: Int64 = 100) throws -> Verdict {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let log = try EventLog(path: path)
        for event in events { log.append(event) }
        return try Verdict.of([path], bound: bound)
    }

    @Test("A read that began after an acknowledgement must return that version or a newer one")
    func stale() throws {
        let writes = [event(.write, 1, 0...10), event(.write, 2, 20...30), event(.write, 3, 25...60)]
        for (version, interval, isStale) in [
            (2, 31...40, false), (3, 31...40, false), (1, 31...40, true), (1, 30...40, false), (1, 15...99, false),
            (2, 61...70, true), (3, 61...70, false), (0, 11...12, true), (0, 5...12, false), (0, 61...62, true),
        ] as [(Int64, ClosedRange<Int64>, Bool)] {
            let verdict = try verdict([event(.strongRead, version, interval)] + writes)
            #expect(verdict.stale == (isStale ? 1 : 0), "\(version) at \(interval)")
            #expect(verdict.isClean != isStale)
            #expect(verdict.operations == 4)
        }
    }

    @Test("Acknowledgements that come in another order than their versions hide nothing")
    func disorder() throws {
        let writes = [event(.write, 3, 0...10), event(.write, 2, 0...20)]
        #expect(try verdict(writes + [event(.strongRead, 2, 21...22)]).stale == 1)
        #expect(try verdict(writes + [event(.strongRead, 3, 21...22)]).stale == 0)
    }

    @Test("What is absent was not created yet, or may have been deleted")
    func absence() throws {
        let created = event(.write, 1, 0...10)
        let begun = event(.deletionBegun, 0, 50...50)
        let deleted = event(.write, Event.deleted, 50...60)
        #expect(try verdict([created, event(.strongRead, 0, 20...30)]).stale == 1)
        #expect(try verdict([created, begun, event(.strongRead, 0, 20...30)]).stale == 1)
        #expect(try verdict([created, begun, event(.strongRead, 0, 20...55)]).stale == 0)
        #expect(try verdict([created, begun, deleted, event(.strongRead, 0, 70...71)]).stale == 0)
        #expect(try verdict([created, begun, deleted, event(.strongRead, 1, 70...71)]).stale == 1)
        #expect(try verdict([created, begun, deleted, event(.strongRead, 1, 55...71)]).stale == 0)
    }

    @Test("What was seen in the database must be seen by whoever reads later, though nobody acknowledged it")
    func seen() throws {
        let written = event(.write, 1, 0...10)
        let seen = event(.databaseRead, 2, 20...30)
        #expect(try verdict([written, seen, event(.strongRead, 1, 31...40)]).stale == 1)
        #expect(try verdict([written, seen, event(.strongRead, 1, 29...40)]).stale == 0)
        #expect(try verdict([written, event(.databaseRead, 0, 5...6), event(.strongRead, 1, 31...40)]).stale == 0)
    }

    @Test("Another record's versions say nothing")
    func otherRecord() throws {
        let other = RecordKey(tenant: 2, slot: 2, generation: 3)
        let write = Event(kind: .write, key: other, version: 9, interval: 0...1)
        #expect(try verdict([write, event(.strongRead, 1, 5...6)]).stale == 0)
        #expect(try verdict([event(.foreign, 1, 5...6)]).isClean == false)
    }

    @Test("Relaxed reads may be stale within their bound, and it is measured by how much")
    func relaxed() throws {
        let writes = [event(.write, 1, 0...10), event(.write, 2, 20...30), event(.write, 3, 80...90)]
        let verdict = try verdict(
            writes + [
                event(.relaxedRead, 1, 31...32), event(.relaxedRead, 1, 130...131), event(.relaxedRead, 1, 131...132),
                event(.relaxedRead, 3, 200...201),
            ])
        #expect(verdict.relaxedReads == 4 && verdict.relaxedStale == 3)
        #expect(verdict.stale == 0 && verdict.beyondBound == 1)
        #expect(verdict.relaxedStaleness(0.25) == 0)
        #expect(verdict.relaxedStaleness(0.5) == 0.001)
        #expect(verdict.relaxedStaleness(1) == 0.101)
    }

    @Test("A distribution knows each value to within two per cent")
    func distribution() {
        for value in [0, 1, 63, 64, 65, 1_000, 123_456_789, Int64.max / 2, Int64.max] as [Int64] {
            var distribution = Distribution()
            distribution.add(value)
            distribution.add(.max)
            let found = distribution.percentile(0.5)
            #expect(found >= value && Double(found) <= Double(value) * 1.02)
        }
    }

    @Test("A file keeps what was added")
    func log() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let events = (0..<10_000).map { number in
            Event(
                kind: Event.Kind(rawValue: UInt8(number % 9 + 1)) ?? .failure,
                key: RecordKey(
                    tenant: .random(in: 0 ... .max), slot: .random(in: 0 ... .max), generation: .random(in: 0 ... .max)),
                version: .random(in: .min ... .max), interval: 0...Int64.random(in: 0..<1 << 48))
        }
        let log = try EventLog(path: path)
        for event in events { log.append(event) }
        var read: [Event] = []
        try EventLog.read(path) { read.append($0) }
        #expect(read == events)
    }
}
