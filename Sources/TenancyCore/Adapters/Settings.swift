/// A setting that an adapter reads from a file or the environment, such as `path`.
public struct SettingKey: Sendable, Hashable {
    /// What values a setting can have.
    public struct Kind: Sendable, Hashable {
        package enum Form: Sendable, Hashable {
            case text
            case secret
            case choice([String])
            case boolean
            case integer(ClosedRange<Int>)
            case number(ClosedRange<Double>)
            case duration(ClosedRange<Duration>)
        }

        package let form: Form

        /// Any text.
        public static let text = Kind(form: .text)
        /// A credential, which arrives as ``Secret``.
        public static let secret = Kind(form: .secret)
        /// One of some texts.
        public static func choice(_ texts: [String]) -> Kind { Kind(form: .choice(texts)) }
        /// `true` or `false`.
        public static let boolean = Kind(form: .boolean)
        /// A whole number.
        public static func integer(in range: ClosedRange<Int>) -> Kind { Kind(form: .integer(range)) }
        /// A number.
        public static func number(in range: ClosedRange<Double>) -> Kind { Kind(form: .number(range)) }
        /// A whole number and a unit: `250ms`, `30s`, `5m`, `12h`, `1d`.
        public static func duration(in range: ClosedRange<Duration>) -> Kind { Kind(form: .duration(range)) }
    }

    /// The setting's name within the adapter's section, in camel case.
    public let name: String
    /// What values it can have.
    public let kind: Kind
    /// Whether it must be given.
    public let isRequired: Bool

    /// A setting.
    public init(_ name: String, _ kind: Kind, isRequired: Bool = false) {
        self.name = name
        self.kind = kind
        self.isRequired = isRequired
    }
}

/// The settings that were given for an adapter, each of its key's kind and within its range. A setting that was not
/// given is `nil`; so is one that is asked for as another kind than its key's.
public struct Settings: Sendable {
    package enum Value: Sendable {
        case text(String)
        case secret(Secret)
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case duration(Duration)
    }

    private let values: [String: Value]

    package init(_ values: [String: Value]) { self.values = values }

    /// A text or a choice.
    public func text(_ name: String) -> String? {
        if case .text(let value) = values[name] { value } else { nil }
    }

    /// A credential.
    public func secret(_ name: String) -> Secret? {
        if case .secret(let value) = values[name] { value } else { nil }
    }

    /// A truth value.
    public func boolean(_ name: String) -> Bool? {
        if case .boolean(let value) = values[name] { value } else { nil }
    }

    /// A whole number.
    public func integer(_ name: String) -> Int? {
        if case .integer(let value) = values[name] { value } else { nil }
    }

    /// A number.
    public func number(_ name: String) -> Double? {
        if case .number(let value) = values[name] { value } else { nil }
    }

    /// A time.
    public func duration(_ name: String) -> Duration? {
        if case .duration(let value) = values[name] { value } else { nil }
    }
}
