import Foundation

/// A directory for the files of a run.
struct Directory {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "tenancy-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// A path that nothing is at.
    func path() -> String { url.appending(path: "\(UUID().uuidString).sqlite").path }

    /// Removes what stands at a path, with what SQLite keeps beside it.
    func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    func removeAll() { try? FileManager.default.removeItem(at: url) }
}
