import TenancyCore

/// A `postgres://` address taken apart. Foundation's parser knows neither several hosts nor sockets.
struct PostgresURL {
    var hosts: [PostgresConfiguration.Host] = []
    var user: String?
    var password: Secret?
    var database: String?
    /// The parameters in their order.
    var parameters: [(name: String, value: String)] = []

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which shows nothing of the address
    ///   but the names of parameters.
    init(_ text: String) throws(TenancyError) {
        guard let scheme = ["postgres://", "postgresql://"].first(where: { text.hasPrefix($0) }) else {
            throw Self.invalid("An address does not begin with postgres:// or postgresql://.")
        }
        var rest = text.dropFirst(scheme.count)
        guard !rest.contains("#") else { throw Self.invalid("An address holds a '#', which must be written as %23.") }
        if let mark = rest.firstIndex(of: "?") {
            for pair in rest[rest.index(after: mark)...].split(separator: "&") {
                guard let equals = pair.firstIndex(of: "=") else {
                    throw Self.invalid("A parameter of an address has no value.")
                }
                let name = try Self.decode(pair[..<equals])
                guard !parameters.contains(where: { $0.name == name }) else {
                    throw Self.invalid("An address has the parameter '\(name)' twice.")
                }
                parameters.append((name, try Self.decode(pair[pair.index(after: equals)...])))
            }
            rest = rest[..<mark]
        }
        if let slash = rest.firstIndex(of: "/") {
            let path = try Self.decode(rest[rest.index(after: slash)...])
            database = path.isEmpty ? nil : path
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let account = rest[..<at]
            rest = rest[rest.index(after: at)...]
            if let colon = account.firstIndex(of: ":") {
                user = try Self.decode(account[..<colon])
                password = Secret(try Self.decode(account[account.index(after: colon)...]))
            } else {
                user = try Self.decode(account)
            }
        }
        if rest.isEmpty { return }
        for host in rest.split(separator: ",", omittingEmptySubsequences: false) { hosts.append(try Self.host(host)) }
    }

    private static func host(_ text: Substring) throws(TenancyError) -> PostgresConfiguration.Host {
        var name = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw invalid("An address has a '[' without ']'.") }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw invalid("An address has text after ']'.") }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            name = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        let number = port.map { Int($0) } ?? 5432
        guard let number, (1...65_535).contains(number) else { throw invalid("An address has a port out of 1…65535.") }
        return PostgresConfiguration.Host(try decode(name), port: number)
    }

    private static func decode(_ text: Substring) throws(TenancyError) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8[...]
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

    private static func invalid(_ message: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "PostgreSQL: " + message)
    }
}
