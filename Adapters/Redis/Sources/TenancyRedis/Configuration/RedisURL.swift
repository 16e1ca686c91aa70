import TenancyCore

/// A `redis://` or `rediss://` address taken apart.
struct RedisURL {
    let isSecure: Bool
    private(set) var user: String?
    private(set) var password: Secret?
    private(set) var host = ""
    private(set) var port: Int?
    private(set) var database: Int?
    /// The parameters in their order.
    private(set) var parameters: [(name: String, value: String)] = []

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which shows nothing of the address.
    init(_ text: String) throws(TenancyError) {
        guard let scheme = ["redis://", "rediss://"].first(where: { text.hasPrefix($0) }) else {
            throw Self.invalid("An address does not begin with redis:// or rediss://.")
        }
        isSecure = scheme == "rediss://"
        var rest = text.dropFirst(scheme.count)
        guard !rest.contains("#") else { throw Self.invalid("An address holds a '#', which must be written as %23.") }
        if let mark = rest.firstIndex(of: "?") {
            try addParameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            if !path.isEmpty {
                guard path.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(path) else {
                    throw Self.invalid("An address has a database that is no number.")
                }
                database = number
            }
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            try setAccount(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        try setPlace(rest)
    }

    private mutating func addParameters(_ text: Substring) throws(TenancyError) {
        for pair in text.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else {
                throw Self.invalid("A parameter of an address has no value.")
            }
            let name = try Self.decode(pair[..<equals])
            guard !parameters.contains(where: { $0.name == name }) else {
                throw Self.invalid("An address has a parameter twice.")
            }
            parameters.append((name, try Self.decode(pair[pair.index(after: equals)...])))
        }
    }

    private mutating func setAccount(_ text: Substring) throws(TenancyError) {
        guard let colon = text.firstIndex(of: ":") else {
            user = try Self.decode(text)
            return
        }
        let name = try Self.decode(text[..<colon])
        user = name.isEmpty ? nil : name
        password = Secret(try Self.decode(text[text.index(after: colon)...]))
    }

    private mutating func setPlace(_ text: Substring) throws(TenancyError) {
        var name = text
        var portText: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw Self.invalid("An address has a '[' without ']'.") }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw Self.invalid("An address has text after ']'.") }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            name = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        host = try Self.decode(name)
        guard let portText else { return }
        guard portText.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(portText),
            (1...65_535).contains(number)
        else { throw Self.invalid("An address has a port out of 1…65535.") }
        port = number
    }

    private static func decode(_ text: Substring) throws(TenancyError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(Substring(digits), radix: 16), digits.first != UInt8(ascii: "+")
            else { throw invalid("An address has a '%' without two hexadecimal digits.") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw invalid("An address holds bytes that are no text.")
        }
        return text
    }

    static func invalid(_ message: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "Redis: " + message)
    }
}
