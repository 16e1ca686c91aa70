import ArgumentParser

/// Which cache was asked for.
enum CacheAddress: Sendable, Equatable {
    /// This process's memory.
    case memory
    /// Redis, by its address.
    case redis(String)

    /// - Throws: `ValidationError`, which says what may be asked for, and shows nothing of an address but its scheme.
    init(_ text: String) throws {
        guard text != "memory" else {
            self = .memory
            return
        }
        guard let colon = text.firstIndex(of: ":") else {
            throw ValidationError("--cache: '\(text)' is no cache. \(Self.choices)")
        }
        let scheme = text[..<colon]
        guard ["redis", "rediss"].contains(scheme.prefix { $0 != "+" }) else {
            throw ValidationError("--cache: there is no adapter for '\(scheme):'. \(Self.choices)")
        }
        #if Redis
            self = .redis(text)
        #else
            throw ValidationError(
                "--cache: this build has no Redis. Run scripts/quickstart, which adds it when it is asked for, or build with "
                    + "--traits Redis.")
        #endif
    }

    private static let choices = "Use memory or redis://USER:PASSWORD@HOST/NUMBER."
}
