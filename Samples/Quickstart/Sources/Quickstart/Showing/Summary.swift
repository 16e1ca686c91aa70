import Foundation

/// The figures of a run, as one JSON object on one line.
struct Summary {
    private var members: [(String, String)] = []

    mutating func add(_ name: String, _ value: Bool) { members.append((name, value ? "true" : "false")) }

    mutating func add(_ name: String, _ value: Int) { members.append((name, String(value))) }

    mutating func add(_ name: String, _ value: Double) {
        members.append((name, value.isFinite ? String((value * 1_000).rounded() / 1_000) : "null"))
    }

    mutating func add(_ name: String, _ value: [String]) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let text = (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) }
        members.append((name, text ?? "null"))
    }

    mutating func add(_ name: String, _ value: String) {
        add(name, [value])
        // An array of one, without its brackets.
        members[members.count - 1].1 = String(members[members.count - 1].1.dropFirst().dropLast())
    }

    /// The members in the order in which they were added: what a reader looks for first comes first.
    var json: String { "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}" }
}
