import Foundation

/// Where the output goes.
struct Terminal {
    /// Whether lines can be drawn over.
    let isInteractive: Bool
    /// Whether colours are wanted.
    let hasColor: Bool

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        isInteractive = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        // https://no-color.org: set, and not to nothing.
        hasColor = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    }
}
