import Foundation

/// What the quickstart shows, and whether all of it is true.
final class Report {
    private let hasColor: Bool
    private(set) var claims = 0
    private(set) var failed: [String] = []

    init(hasColor: Bool) { self.hasColor = hasColor }

    func section(_ title: String) { show("\n" + styled(title, "1")) }

    func line(_ text: String) { show("  " + text) }

    /// Shows a claim that was checked, with the figures that it rests on.
    func claim(_ text: String, _ holds: Bool, _ figures: String = "") {
        claims += 1
        if !holds { failed.append(text) }
        let mark = holds ? styled("✓", "32") : styled("✗", "31")
        show("  \(mark) \(figures.isEmpty ? text : Text.left(text, 58) + " " + figures)")
    }

    private func show(_ text: String) {
        print(text)
        // A reader at the other end of a pipe is to see each line when it is true, and before an error's.
        fflush(nil)
    }

    private func styled(_ text: String, _ code: String) -> String {
        hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
