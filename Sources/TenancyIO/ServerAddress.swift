package import TenancyCore

/// The address of a server, `scheme://user:password@host:port,host:port/path?name=value`, taken apart.
///
/// Foundation's parser does not know several hosts. Every part is percent-decoded.
package struct ServerAddress: Sendable {
    package struct Host: Sendable {
        package let name: String
        package let port: Int?
    }

    package let scheme: String
    /// `nil` where the address has none or an empty one.
    package private(set) var user: String?
    package private(set) var password: Secret?
    /// Empty where the address names none.
    package private(set) var hosts: [Host] = []
    /// What follows the first slash, `nil` where nothing does.
    package private(set) var path: String?
    /// In their order, no name twice.
    package private(set) var parameters: [(name: String, value: String)] = []

    private let product: String

    /// - Parameters:
    ///   - schemes: Those that the address may have.
    ///   - product: What messages begin with, such as `Redis`.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which shows nothing of the address
    ///   but the name of a parameter that is there twice.
    package init(_ text: String, schemes: [String], product: String) throws(TenancyError) {
        self.product = product
        guard let scheme = schemes.first(where: { text.hasPrefix($0 + "://") }) else {
            let list = schemes.map { $0 + "://" }.joined(separator: " or ")
            throw Self.invalid("An address does not begin with \(list).", product)
        }
        self.scheme = scheme
        var rest = text.dropFirst(scheme.utf8.count + 3)
        guard !rest.contains("#") else { throw invalid("An address holds a '#', which must be written as %23.") }
        // A password with a character that ends it would otherwise be read, and reported, as something else.
        if let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" }), rest[end...].contains("@") {
            throw invalid(
                "An address holds an '@' after a '/' or '?'. Within names and passwords these are written as %40, %2F"
                    + " and %3F.")
        }
        if let mark = rest.firstIndex(of: "?") {
            try addParameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if let slash = rest.firstIndex(of: "/") {
            path = try decode(rest[rest.index(after: slash)...]).nonEmpty
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            try setAccount(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        if rest.isEmpty { return }
        for host in rest.split(separator: ",", omittingEmptySubsequences: false) { try addHost(host) }
    }

    private mutating func addParameters(_ text: Substring) throws(TenancyError) {
        for pair in text.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else {
                throw invalid("A parameter of an address has no value.")
            }
            let name = try decode(pair[..<equals])
            guard !parameters.contains(where: { $0.name == name }) else {
                throw invalid("An address has the parameter '\(name)' twice.")
            }
            parameters.append((name, try decode(pair[pair.index(after: equals)...])))
        }
    }

    private mutating func setAccount(_ text: Substring) throws(TenancyError) {
        let colon = text.firstIndex(of: ":")
        user = try decode(text[..<(colon ?? text.endIndex)]).nonEmpty
        if let colon { password = Secret(try decode(text[text.index(after: colon)...])) }
    }

    private mutating func addHost(_ text: Substring) throws(TenancyError) {
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
        hosts.append(Host(name: try decode(name), port: try port.map(number)))
    }

    private func number(_ port: Substring) throws(TenancyError) -> Int {
        guard port.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(port), (1...65_535).contains(number)
        else { throw invalid("An address has a port out of 1…65535.") }
        return number
    }

    private func decode(_ text: Substring) throws(TenancyError) -> String {
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

    private func invalid(_ message: String) -> TenancyError { Self.invalid(message, product) }

    private static func invalid(_ message: String, _ product: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "\(product): \(message)")
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
