/// Names and literals in SQL text. Values are never among them: only names, and the constants of declarations.
enum Identifier {
    static func quote(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }

    static func quote(_ schema: String, _ name: String) -> String { quote(schema) + "." + quote(name) }

    /// A text constant; with a backslash in it, in the form whose meaning no setting changes.
    static func literal(_ text: String) -> String {
        let quoted = "'" + text.replacing("'", with: "''") + "'"
        return text.contains("\\") ? " E" + quoted.replacing("\\", with: "\\\\") : quoted
    }
}
