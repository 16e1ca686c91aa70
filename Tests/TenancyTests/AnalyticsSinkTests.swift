import Foundation
import TenancyCore
import Testing

@testable import Tenancy

@Suite("Analytics sinks")
struct AnalyticsSinkTests {
    private let context: TenantContext

    init() throws {
        context = TenantContext(tenant: try TenantID("UA"), actor: "user \"7\"\n", correlationID: "req-1")
    }

    private func batch(_ names: String..., properties: JSON = JSON(.object(["a": .int(1)]))) -> AnalyticsBatch {
        AnalyticsBatch(events: names.map { AnalyticsEvent(name: $0, properties: properties, in: context) })
    }

    /// A directory that is removed after `body`.
    private func withDirectory(_ body: (URL) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("tenancy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try await body(directory)
    }

    private func withFile(_ body: (String) async throws -> Void) async throws {
        try await withDirectory { try await body($0.appendingPathComponent("events.jsonl").path) }
    }

    private func contents(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func put(_ bytes: some Sequence<UInt8>, _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// The events' names in a file of which every line must be a JSON object.
    private func names(_ path: String) throws -> [String] {
        let bytes = try contents(path)
        #expect(bytes.isEmpty || bytes.last == 0x0a)
        return try bytes.split(separator: 0x0a).map { line in
            let object = try JSONValue(parsing: String(decoding: line, as: UTF8.self))
            guard case .object(let members) = object, case .string(let name) = members["name"] else { return "?" }
            return name
        }
    }

    private func code(_ body: () async throws -> Void) async -> TenancyError.Code? {
        do {
            try await body()
            return nil
        } catch { return TenancyError.wrap(error).code }
    }

    // MARK: Memory

    @Test("The sink in memory stores a batch once and tells tenants apart")
    func memory() async throws {
        let sink = InMemorySink()
        let batch = batch("a", "b")
        try await sink.write(batch)
        try await sink.write(batch)
        #expect(sink.events.map(\.name) == ["a", "b"])
        #expect(sink.events(of: context.tenant).count == 2)
        #expect(sink.events(of: try TenantID("DL")).isEmpty)
        try await sink.shutDown()
        #expect(await code { try await sink.write(batch) } == .shutDown)
        #expect(sink.batches.count == 1)
    }

    @Test("The sink in memory forgets the oldest batches, whole, and still knows their ids")
    func memoryBound() async throws {
        let sink = InMemorySink(maximumEvents: 5)
        let batches = (0..<4).map { batch("\($0)a", "\($0)b") }
        for batch in batches { try await sink.write(batch) }
        #expect(sink.events.map(\.name) == ["2a", "2b", "3a", "3b"])
        try await sink.write(batches[0])
        #expect(sink.events.count == 4)
    }

    // MARK: JSON lines

    @Test("Each event is a line with everything in it, whatever the texts hold")
    func lines() async throws {
        try await withFile { path in
            let sink = JSONLinesSink(path: path)
            let batch = AnalyticsBatch(
                events: [
                    AnalyticsEvent(
                        name: "line\nbreak \"quoted\" \\ \u{1} 😀", occurred: Timestamp(microsecondsSince1970: 1),
                        properties: try JSON(parsing: "{\n  \"a\": [1,\r\n2]\n}"), in: context),
                    AnalyticsEvent(name: "broken", properties: JSON(trusted: "{\n\"x"), in: context),
                ])
            try await sink.write(batch)
            let lines = try contents(path).split(separator: 0x0a)
            #expect(lines.count == 2)
            let first = try JSONValue(parsing: String(decoding: lines[0], as: UTF8.self))
            guard case .object(let members) = first else {
                Issue.record("no object")
                return
            }
            #expect(members["batch"] == .string(batch.id.uuidString))
            #expect(members["row"] == .int(0))
            #expect(members["rows"] == .int(2))
            #expect(members["id"] == .string(batch.events[0].id.uuidString))
            #expect(members["tenant"] == .string("UA"))
            #expect(members["name"] == .string("line\nbreak \"quoted\" \\ \u{1} 😀"))
            #expect(members["occurred"] == .string("1970-01-01T00:00:00.000001Z"))
            #expect(members["actor"] == .string("user \"7\"\n"))
            #expect(members["correlation_id"] == .string("req-1"))
            #expect(members["properties"] == .object(["a": .array([.int(1), .int(2)])]))
            #expect(try names(path)[1] == "broken")
        }
    }

    @Test("A batch is stored once, also after a restart", arguments: [true, false])
    func idempotence(synchronizes: Bool) async throws {
        try await withFile { path in
            let (first, second) = (batch("a", "b"), batch("c"))
            let sink = JSONLinesSink(path: path, synchronizes: synchronizes)
            try await sink.write(first)
            try await sink.write(first)
            try await sink.write(second)
            try await sink.write(AnalyticsBatch(events: []))
            try await sink.shutDown()
            #expect(await code { try await sink.write(second) } == .shutDown)
            let again = JSONLinesSink(path: path, synchronizes: synchronizes)
            for batch in [second, first, second] { try await again.write(batch) }
            #expect(try names(path) == ["a", "b", "c"])
            try await again.write(batch("d"))
            #expect(try names(path) == ["a", "b", "c", "d"])
        }
    }

    @Test("As many batches are known as was asked for")
    func bounded() async throws {
        try await withFile { path in
            let batches = (0..<5).map { batch("\($0)") }
            let sink = JSONLinesSink(path: path, rememberedBatches: 3)
            for batch in batches { try await sink.write(batch) }
            try await sink.write(batches[2])
            #expect(try names(path).count == 5)
            try await sink.write(batches[1])
            #expect(try names(path).count == 6)
            try await sink.shutDown()
            let again = JSONLinesSink(path: path, rememberedBatches: 3)
            for batch in [batches[1], batches[4], batches[3]] { try await again.write(batch) }
            #expect(try names(path).count == 6)
        }
    }

    @Test("Wherever a process died, what it left of a batch is cut off, and the batch can be sent again")
    func tornBatches() async throws {
        try await withFile { path in
            let (kept, torn) = (batch("a", "b"), batch("c", "d", "e"))
            let sink = JSONLinesSink(path: path)
            try await sink.write(kept)
            let keptLength = try contents(path).count
            try await sink.write(torn)
            try await sink.shutDown()
            let whole = try contents(path)
            for length in stride(from: keptLength, to: whole.count, by: 7) {
                try put(whole[..<length], path)
                let again = JSONLinesSink(path: path)
                try await again.write(kept)
                #expect(try contents(path).count == keptLength, "\(length)")
                try await again.write(torn)
                #expect(try names(path) == ["a", "b", "c", "d", "e"], "\(length)")
                try await again.shutDown()
            }
            try put(whole[..<(keptLength / 3)], path)
            try await JSONLinesSink(path: path).write(torn)
            #expect(try names(path) == ["c", "d", "e"])
            try put(whole + [UInt8](repeating: 0, count: 100), path)
            let last = JSONLinesSink(path: path)
            try await last.write(torn)
            #expect(try contents(path) == whole)
        }
    }

    @Test("A file that holds anything else is refused and left as it is")
    func foreignFiles() async throws {
        try await withFile { path in
            for text in ["hello\n", "hello", "{\"a\":1}\n", "{\"batch\":\"x\"}\n", "\n", "{\"batch\":1\nrest"] {
                try put(text.utf8, path)
                #expect(await code { try await JSONLinesSink(path: path).write(batch("a")) } == .corrupted, "\(text)")
                #expect(try contents(path) == Array(text.utf8))
            }
        }
    }

    @Test("A file has one sink at a time")
    func locking() async throws {
        try await withFile { path in
            let (first, second) = (JSONLinesSink(path: path), JSONLinesSink(path: path))
            try await first.write(batch("a"))
            #expect(await code { try await second.write(batch("b")) } == .locked)
            try await first.shutDown()
            try await second.write(batch("b"))
            #expect(try names(path) == ["a", "b"])
        }
    }

    @Test("A file that is moved away is left alone, and one that is cut is taken as it is")
    func rotation() async throws {
        try await withFile { path in
            let sink = JSONLinesSink(path: path)
            let first = batch("a")
            try await sink.write(first)
            try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
            try await sink.write(batch("b"))
            try await sink.write(first)
            #expect(try names(path + ".1") == ["a"])
            #expect(try names(path) == ["b"])
            try #require(truncate(path, 0) == 0)
            try await sink.write(batch("c"))
            #expect(try names(path) == ["c"])
        }
    }

    @Test("Batches that are written at once do not mix")
    func concurrency() async throws {
        try await withFile { path in
            let sink = JSONLinesSink(path: path)
            let batches = (0..<40).map { number in
                AnalyticsBatch(events: (0..<10).map { _ in AnalyticsEvent(name: "\(number)", in: context) })
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for batch in batches + batches { group.addTask { try await sink.write(batch) } }
                try await group.waitForAll()
            }
            let names = try names(path)
            #expect(names.count == 400)
            for start in stride(from: 0, to: 400, by: 10) { #expect(Set(names[start..<(start + 10)]).count == 1) }
        }
    }

    @Test("Failures are told by code, without the path")
    func failures() async throws {
        try await withDirectory { directory in
            #expect(
                await code { try await JSONLinesSink(path: directory.path).write(batch("a")) } == .invalidConfiguration)
            let missing = directory.appendingPathComponent("secret/events").path
            let failure = await #expect(throws: TenancyError.self) {
                try await JSONLinesSink(path: missing).write(batch("a"))
            }
            #expect(failure?.code == .sinkUnavailable)
            #expect(failure.map { "\($0)".contains("secret") } == false)
            #expect(
                await code { try await JSONLinesSink(path: "/dev/full").write(batch("a")) } == .invalidConfiguration)
        }
        for (number, expected) in [
            (ENOSPC, TenancyError.Code.storageFull), (EDQUOT, .storageFull), (EROFS, .readOnly), (EACCES, .readOnly),
            (EIO, .sinkUnavailable),
        ] {
            errno = number
            #expect(JSONLinesFile.failure("written").code == expected)
        }
    }

    @Test("The recent ids are as many as they may be, the oldest going first")
    func recentIDs() {
        let ids = (0..<4).map { _ in UUID() }
        var recent = RecentIDs(capacity: 2)
        let inserted = [0, 0, 1, 2].map { recent.insert(ids[$0]) }
        #expect(inserted == [true, false, true, true])
        #expect(!recent.contains(ids[0]))
        #expect(recent.contains(ids[1]) && recent.contains(ids[2]))
    }

    @Test("A mark is read back from the beginning of its line, and nothing else is")
    func marks() {
        let mark = JSONLinesMark(batch: UUID(), row: 12, rows: 999_999)
        #expect(JSONLinesMark(lineBeginning: Array((mark.text + ",\"id\":").utf8)) == mark)
        #expect(mark.text.utf8.count < JSONLinesMark.maximumLength)
        let text = Array((mark.text + ",").utf8)
        for length in 0..<text.count { #expect(JSONLinesMark(lineBeginning: Array(text[..<length])) == nil) }
        let outside = JSONLinesMark(batch: UUID(), row: 2, rows: 2)
        #expect(JSONLinesMark(lineBeginning: Array((outside.text + ",").utf8)) == nil)
    }
}
