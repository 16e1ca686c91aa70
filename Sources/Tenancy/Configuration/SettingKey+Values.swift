import TenancyCore

extension SettingKey.Kind {
    /// What is wrong with a value of the kind, in words that don't hold it; `nil` if nothing is.
    func problem(of value: Settings.Value) -> String? {
        switch (form, value) {
        case (.integer(let range), .integer(let value)): range.contains(value) ? nil : "must lie in \(range.text)"
        case (.number(let range), .number(let value)): range.contains(value) ? nil : "must lie in \(range.text)"
        case (.duration(let range), .duration(let value)): range.contains(value) ? nil : "must lie in \(range.text)"
        case (.choice(let choices), .text(let value)): choices.contains(value) ? nil : "must be \(choices.listed)"
        default: nil
        }
    }

    /// What a value must look like, for whoever wrote another one.
    var expectation: String {
        switch form {
        case .text, .secret: "must be a text"
        case .choice(let choices): "must be \(choices.listed)"
        case .boolean: "must be true or false"
        case .integer(let range): "must be a whole number in \(range.text)"
        case .number(let range): "must be a number in \(range.text)"
        case .duration: "must be a whole number and a unit, such as 250ms, 30s, 5m, 12h or 1d"
        }
    }

    /// Whether values must not be shown.
    var isSecret: Bool { form == .secret }
}

extension Duration {
    private static let units: [(suffix: String, duration: Duration)] = [
        ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
        ("d", .seconds(86_400)),
    ]

    /// Reads a whole number and a unit, such as `250ms`; `nil` for anything else. A number alone is refused, because
    /// nobody who reads it later knows the unit.
    init?(setting text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count < 1_000_000_000_000,
            let unit = Self.units.first(where: { $0.suffix == text.dropFirst(digits.count) })
        else { return nil }
        self = unit.duration * count
    }

    /// The duration as it is written in a setting, in the largest unit of which it is a whole number.
    var settingText: String {
        for unit in Self.units.reversed() {
            let count = Int64((self / unit.duration).rounded())
            if unit.duration * count == self { return "\(count)\(unit.suffix)" }
        }
        return "\(self)"
    }
}

extension ClosedRange<Duration> {
    fileprivate var text: String { "\(lowerBound.settingText)…\(upperBound.settingText)" }
}

extension ClosedRange where Bound: Numeric {
    fileprivate var text: String { "\(lowerBound)…\(upperBound)" }
}

extension [String] {
    /// The texts in quotes, as a choice.
    var listed: String {
        let quoted = map { "'\($0)'" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "nothing, because none is known" }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }
}
