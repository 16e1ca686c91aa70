import ArgumentParser
import Foundation
import Tenancy
import TenancySQLite

/// How tenants are kept apart in SQLite.
enum ModelOption: String, ExpressibleByArgument, CaseIterable, Sendable {
    case shared
    case filePerTenant = "file-per-tenant"
}

/// A database of files.
struct SQLitePlace: DatabasePlace {
    private let path: String
    private let option: ModelOption
    /// A directory of this run's own.
    private let directory: URL?

    /// - Parameter path: Where the files go, to be kept; `nil` for a directory that is removed in the end.
    /// - Throws: ``QuickstartError`` if something is there already, which the run would mix with its own.
    init(path: String?, _ option: ModelOption) throws {
        self.option = option
        guard let path else {
            let directory = FileManager.default.temporaryDirectory.appending(path: "quickstart-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            self.path = directory.appending(path: option == .shared ? "flights.sqlite" : "airlines").path
            self.directory = directory
            return
        }
        for name in Self.files(of: path) where FileManager.default.fileExists(atPath: name) {
            throw QuickstartError("'\(name)' exists already.", hint: "Remove it, or choose another path.")
        }
        self.path = path
        directory = nil
    }

    let name = "sqlite"
    var model: String { option.rawValue }
    var source: DatabaseSource { .sqlite(path: path, model: option == .shared ? .shared : .filePerTenant) }

    var explanation: String {
        let kind = option == .shared ? "all tenants in one file" : "a file for each tenant"
        return "SQLite, \(kind), \(directory == nil ? path : "removed in the end")"
    }

    func remove(isUnfinished: Bool) {
        if let directory {
            try? FileManager.default.removeItem(at: directory)
        } else if isUnfinished {
            for name in Self.files(of: path) { try? FileManager.default.removeItem(atPath: name) }
        }
    }

    /// What may lie at a path: the file or directory, and what SQLite puts beside a file.
    private static func files(of path: String) -> [String] { [path, path + "-wal", path + "-shm", path + "-journal"] }
}
