import ArgumentParser
import Foundation
import TenancySQLite

/// Which database was asked for.
enum DatabaseOption: ExpressibleByArgument {
    /// SQLite, in a directory that is removed in the end.
    case temporary
    /// SQLite at a path that is kept.
    case path(String)

    init?(argument: String) {
        if argument == "sqlite" {
            self = .temporary
        } else if argument.hasPrefix("sqlite:"), argument.count > 7 {
            self = .path(String(argument.dropFirst(7)))
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { "sqlite" }
}

/// How tenants are kept apart in the database.
enum ModelOption: String, ExpressibleByArgument, CaseIterable {
    case shared
    case filePerTenant = "file-per-tenant"

    var model: SQLiteConfiguration.Model { self == .shared ? .shared : .filePerTenant }
    var explanation: String { self == .shared ? "all tenants in one file" : "a file for each tenant" }
}

/// Where the run's database lies.
struct DatabasePlace {
    let path: String
    let model: ModelOption
    let isTemporary: Bool
    private let directory: URL?

    /// - Throws: ``QuickstartError`` if something is there already, which the run would mix with its own.
    init(_ option: DatabaseOption, _ model: ModelOption) throws {
        self.model = model
        switch option {
        case .path(let path):
            guard !FileManager.default.fileExists(atPath: path) else {
                throw QuickstartError("'\(path)' exists already.", hint: "Remove it, or choose another path.")
            }
            self.path = path
            directory = nil
            isTemporary = false
        case .temporary:
            let directory = FileManager.default.temporaryDirectory.appending(path: "quickstart-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            path = directory.appending(path: model == .shared ? "flights.sqlite" : "airlines").path
            self.directory = directory
            isTemporary = true
        }
    }

    /// Removes what is not to be kept.
    func remove() {
        if let directory { try? FileManager.default.removeItem(at: directory) }
    }
}
