import Foundation
import GRDB
import Testing

@testable import TenancyCore
@testable import TenancySQLite

/// What a disk can do to a database. Those that need to mount something run where that is allowed, and on CI, where it
/// must be, fail otherwise.
@Suite(.serialized) struct DiskTests {
    static let mounts = Mount.isAllowed || ProcessInfo.processInfo.environment["CI"] != nil

    private func hints(_ error: TenancyError?, _ word: String, _ location: SourceLocation = #_sourceLocation) {
        #expect(error?.hint.contains(word) == true, "\(error.map(\.description) ?? "none")", sourceLocation: location)
        #expect(error?.description.contains("server") == false, sourceLocation: location)
    }

    @Test(
        "A disk that is really full refuses writes, keeps what it had, and takes writes when there is room",
        .enabled(if: mounts), arguments: models)
    func full(_ model: SQLiteConfiguration.Model) async throws {
        let mount = try Mount.small(bytes: 2 << 20)
        let bench = try await Bench(model: model) { $0.path = mount.path + "/data" }
        let (a, b) = (try tenant("a"), try tenant("b"))
        try await bench.insert([bench.item(1)], a)
        try await bench.insert([bench.item(1)], b)
        let filler = mount.path + "/filler"
        #expect(FileManager.default.createFile(atPath: filler, contents: nil))
        let handle = try #require(FileHandle(forWritingAtPath: filler))
        var size = 1 << 20
        while size >= 4_096 {
            if (try? handle.write(contentsOf: Data(count: size))) == nil { size /= 2 }
        }
        let rows = (2..<5_000).map { bench.item($0, String(repeating: "x", count: 200)) }
        hints(await expect(.storageFull) { try await bench.insert(rows, a) }, "space")
        hints(await expect(.storageFull) { try await bench.insert(rows, a, atomic: false) }, "space")
        _ = await expect(.storageFull) {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                try await bench.insert(rows, a, on: transaction)
            }
        }
        #expect(try await bench.adapter.read(bench.entity, keys: [1, 2], in: a).count == 1)
        #expect(try await bench.ids(.always, a) == [1])
        if model == .filePerTenant {
            hints(await expect(.storageFull) { try await bench.insert([bench.item(1)], tenant("new")) }, "space")
        }
        try handle.close()
        try FileManager.default.removeItem(atPath: filler)
        try await bench.insert(Array(rows.prefix(100)), a)
        #expect(try await bench.ids(.always, a).count == 101)
        try await bench.insert([bench.item(2)], b)
        #expect(try await bench.ids(.always, b) == [1, 2])
        await bench.shutDown()
        let again = try await Bench(model: model) { $0.path = mount.path + "/data" }
        #expect(try await again.ids(.always, a).count == 101)
        await again.shutDown()
    }

    @Test("A file on which nobody may write is read, and refuses writes", .enabled(if: mounts), arguments: models)
    func readOnlyFile(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        await bench.shutDown()
        let file = model == .shared ? bench.path : bench.path + "/a.sqlite"
        let before = try Data(contentsOf: URL(fileURLWithPath: file))
        let mount = try Mount(forReadingOnly: file)
        let again = try await Bench(model: model, in: bench.directory)
        #expect(try await again.ids(.always, a) == [1])
        hints(await expect(.readOnly) { try await again.insert([again.item(2)], a) }, "permissions")
        _ = await expect(.readOnly) {
            try await again.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                try await again.insert([again.item(2)], a, on: transaction)
            }
        }
        #expect(try await again.ids(.always, a) == [1])
        await again.shutDown()
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
        withExtendedLifetime(mount) {}
    }

    @Test(
        "A directory in which nobody may write is refused with a hint, and left as it was", .enabled(if: mounts),
        arguments: models)
    func readOnlyDirectory(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        try await bench.insert([bench.item(1)], tenant("a"))
        await bench.shutDown()
        let before = try FileManager.default.subpathsOfDirectory(atPath: bench.directory.path).sorted()
        let mount = try Mount(forReadingOnly: bench.directory.path)
        let again = try await Bench(model: model, in: bench.directory, start: false)
        let error = await expectAny(.unavailable, .readOnly) { try await again.adapter.start([again.entity]) }
        hints(error, "write")
        await again.shutDown()
        // A write-ahead log is read by way of a file beside it, which can't be made here either.
        let reader = try await Bench(model: model, in: bench.directory, start: false) { $0.isReadOnly = true }
        hints(await expect(.unavailable) { try await reader.adapter.start([reader.entity]) }, "write")
        await reader.shutDown()
        #expect(try FileManager.default.subpathsOfDirectory(atPath: bench.directory.path).sorted() == before)
        withExtendedLifetime(mount) {}
    }

    @Test("A file that can't be removed keeps its tenant's records, and goes when it can", .enabled(if: mounts))
    func irremovable() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        var mount: Mount? = try Mount(forReadingOnly: bench.path)
        hints(await expect(.readOnly) { try await bench.adapter.removeAllData(in: a) }, "directory")
        #expect(mount != nil)
        mount = nil
        #expect(try await bench.ids(.always, a) == [1])
        let planted = "plantedvalue91c2"
        try await bench.insert([bench.item(2, planted)], a)
        let mounted = try Mount(forReadingOnly: bench.path + "/a.sqlite")
        // What is mounted can't be unlinked either, which shows only when the tables are gone.
        _ = await expect(.readOnly) { try await bench.adapter.removeAllData(in: a) }
        for name in try FileManager.default.contentsOfDirectory(atPath: bench.path) {
            let bytes = FileManager.default.contents(atPath: bench.path + "/" + name)
            #expect(bytes?.range(of: Data(planted.utf8)) == nil, "\(name)")
        }
        withExtendedLifetime(mounted) {}
        await bench.shutDown()
    }

    @Test("A path that can't be a database's is refused with its cause, and nothing is made")
    func paths() async throws {
        let directory = try TemporaryDirectory()
        let text = directory.path + "/notes.txt"
        try "nothing that SQLite knows, and longer than its header is: \(String(repeating: "x", count: 200))"
            .write(toFile: text, atomically: true, encoding: .utf8)
        let cases: [(String, SQLiteConfiguration.Model, TenancyError.Code, String)] = [
            (directory.path + "/missing/data.sqlite", .shared, .unavailable, "Make the directory"),
            (text + "/data.sqlite", .shared, .unavailable, "path"),
            (directory.path, .shared, .unavailable, "Name a file"),
            (text, .shared, .corrupted, "path"),
            (text, .filePerTenant, .unavailable, "names no file"),
        ]
        for (path, model, code, hint) in cases {
            let bench = try await Bench(model: model, start: false) { $0.path = path }
            hints(await expect(code) { try await bench.adapter.start([bench.entity]) }, hint)
            await bench.shutDown()
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: directory.path) == ["notes.txt"])
        let readOnly = try await Bench(start: false) {
            $0.path = directory.path + "/absent.sqlite"
            $0.isReadOnly = true
        }
        hints(await expect(.unavailable) { try await readOnly.adapter.start([readOnly.entity]) }, "for writing once")
        await readOnly.shutDown()
    }

    @Test(
        "A damaged page in the middle is found when it is read, by whatever reads it; the rest is served",
        arguments: models)
    func damagedPage(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.insert((0..<20_000).map { bench.item($0, "needle \($0);", $0) }, a)
        await bench.shutDown()
        let file = URL(fileURLWithPath: model == .shared ? bench.path : bench.path + "/a.sqlite")
        let whole = try Data(contentsOf: file)
        let page = try #require(whole.range(of: Data("needle 10000;".utf8))).lowerBound / 4_096
        var damaged = whole
        damaged.replaceSubrange(page * 4_096..<page * 4_096 + 64, with: Data(repeating: 0xA5, count: 64))
        try damaged.write(to: file)
        let again = try await Bench(model: model, in: bench.directory)
        #expect(try await again.adapter.read(again.entity, keys: [1, 19_999], in: a).count == 2)
        let all = try again.builder.select(Query(sort: [.init("id")]))
        hints(await expect(.corrupted) { try await again.adapter.read(again.entity, keys: [10_000], in: a) }, "backup")
        _ = await expect(.corrupted) { try await again.adapter.select(all, in: a) }
        _ = await expect(.corrupted) { for try await _ in try await again.adapter.stream(all, batchSize: 50, in: a) {} }
        let add = try again.builder.update(.always, [Assignment("count", .add(1_000_000))])
        _ = await expect(.corrupted) { try await again.adapter.write(add, in: a) }
        _ = await expect(.corrupted) {
            try await again.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                try await again.insert([again.item(30_000)], a, on: transaction)
                _ = try await transaction.write(add, in: a)
            }
        }
        #expect(try await again.adapter.read(again.entity, keys: [1], in: a).int64(0, 2) == 1)
        #expect(try await again.adapter.read(again.entity, keys: [30_000], in: a).count == 0)
        await again.shutDown()
        try whole.write(to: file)
        let restored = try await Bench(model: model, in: bench.directory)
        #expect(try await restored.adapter.write(restored.builder.delete(.always), in: a).affected == 20_000)
        await restored.shutDown()
    }

    @Test("Of a write-ahead log that was cut off, whole transactions count", arguments: models)
    func truncatedLog(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.insert([bench.item(-1)], a)
        await bench.shutDown()
        let writer = try await Bench(model: model, in: bench.directory)
        for round in 0..<4 {
            try await writer.insert((0..<50).map { writer.item(Int64(round * 50 + $0), "in the log") }, a)
        }
        let name = model == .shared ? "/data.sqlite" : "/data/a.sqlite"
        let whole = try Data(contentsOf: URL(fileURLWithPath: bench.directory.path + name + "-wal"))
        let file = try Data(contentsOf: URL(fileURLWithPath: bench.directory.path + name))
        #expect(whole.count > 4 * 4_096)
        var seen: Set<Int> = []
        for cut in stride(from: whole.count - 1, through: 0, by: -2_999) {
            let directory = try TemporaryDirectory()
            let copy = URL(fileURLWithPath: directory.path + name)
            try FileManager.default.createDirectory(
                at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
            try file.write(to: copy)
            try whole.prefix(cut).write(to: URL(fileURLWithPath: copy.path + "-wal"))
            let reader = try await Bench(model: model, in: directory)
            let ids = try await reader.ids(.always, a)
            seen.insert(ids.count)
            #expect(ids.count % 50 == 1)
            try await reader.insert([reader.item(1_000)], a)
            #expect(try await reader.ids(.always, a).count == ids.count + 1)
            await reader.shutDown()
        }
        #expect(seen.isSuperset(of: [1, 151]))
        #expect(!seen.contains(201))
        await writer.shutDown()
    }
}
