import Foundation

/// Figures as people read them.
enum Text {
    /// A whole number with its thousands marked.
    static func number(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }

    /// A number with one digit after the point.
    static func tenths(_ value: Double) -> String { String(format: "%.1f", value) }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

extension Text {
    /// A text from a file, without what a terminal would act on.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        var printable = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            printable.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(printable)
    }
}
