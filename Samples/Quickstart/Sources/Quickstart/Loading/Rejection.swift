/// A row that was not loaded.
struct Rejection: Sendable, Equatable, CustomStringConvertible {
    let file: String
    let line: Int
    let reason: String

    /// The place as compilers write it, which terminals and editors know how to open.
    var description: String { "\(file):\(line): \(reason)" }
}
