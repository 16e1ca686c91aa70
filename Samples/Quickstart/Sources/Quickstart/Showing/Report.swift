import Foundation

/// What the quickstart shows, and whether all of it is true.
final class Report {
    /// A terminal's 80 columns, less the margins. Columns of figures end at its right edge.
    private static let width = 74
    private static let columnWidth = 11

    private let hasColor: Bool
    private(set) var claims = 0
    private(set) var failed: [String] = []

    init(hasColor: Bool) { self.hasColor = hasColor }

    func section(_ title: String) { show("\n" + styled(Text.printable(title), "1")) }

    func line(_ text: String) { show("  " + Text.printable(text)) }

    /// The names of the columns in the rows and claims that follow.
    func header(_ text: String, _ columns: String...) { show("    " + styled(aligned(text, columns), "2")) }

    /// A row of a table.
    func row(_ text: String, _ columns: String...) { show("    " + aligned(text, columns)) }

    /// Shows a claim that was checked, with the figures that it rests on.
    func claim(_ text: String, _ holds: Bool, _ columns: String..., note: String = "") {
        claims += 1
        if !holds { failed.append(text) }
        let mark = holds ? styled("✓", "32") : styled("✗", "31")
        show("  \(mark) \(aligned(text, columns))\(note.isEmpty ? "" : "  " + Text.printable(note))")
    }

    /// A row that was not loaded.
    func rejection(_ rejection: Rejection) { show("  \(styled("!", "33")) \(Text.printable(rejection.description))") }

    private func aligned(_ text: String, _ columns: [String]) -> String {
        let text = Text.printable(text)
        guard !columns.isEmpty else { return text }
        return columns.reduce(Text.left(text, Self.width - Self.columnWidth * columns.count)) {
            $0 + Text.right($1, Self.columnWidth)
        }
    }

    private func show(_ text: String) {
        print(text)
        // A reader at the other end of a pipe is to see each line when it is true, and before an error's.
        fflush(nil)
    }

    private func styled(_ text: String, _ code: String) -> String {
        hasColor && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
