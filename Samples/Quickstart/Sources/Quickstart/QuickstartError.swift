/// What keeps the quickstart from running, and what to do about it.
struct QuickstartError: Error, CustomStringConvertible {
    let message: String
    let hint: String

    init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }

    var description: String { hint.isEmpty ? message : "\(message)\n\(hint)" }
}
