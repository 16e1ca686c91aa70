import ArgumentParser

/// Which database was asked for.
enum DatabaseAddress: Sendable, Equatable {
    /// SQLite, in a directory that is removed in the end.
    case temporary
    /// SQLite at a path that is kept.
    case path(String)
    /// PostgreSQL, by its address.
    case postgres(String)

    /// - Throws: `ValidationError`, which says what may be asked for, and shows nothing of an address but its scheme.
    init(_ text: String) throws {
        guard text != "sqlite" else {
            self = .temporary
            return
        }
        guard let colon = text.firstIndex(of: ":") else {
            throw ValidationError("--database: '\(text)' is no database. \(Self.choices)")
        }
        let scheme = text[..<colon]
        let rest = text[text.index(after: colon)...]
        switch scheme {
        case "sqlite":
            guard !rest.isEmpty else { throw ValidationError("--database: a path must follow 'sqlite:'.") }
            self = .path(String(rest))
        case "postgres", "postgresql":
            #if Postgres
                self = .postgres(text)
            #else
                throw ValidationError(
                    "--database: this build has no PostgreSQL. Run scripts/quickstart, which adds it when it is asked for, "
                        + "or build with --traits Postgres.")
            #endif
        default:
            throw ValidationError("--database: there is no adapter for '\(scheme):'. \(Self.choices)")
        }
    }

    private static let choices = "Use sqlite, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE."
}
