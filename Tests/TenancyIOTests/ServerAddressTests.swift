import TenancyCore
import TenancyIO
import Testing

@Suite("Addresses of servers")
struct ServerAddressTests {
    private func address(_ text: String) throws(TenancyError) -> ServerAddress {
        try ServerAddress(text, schemes: ["db", "dbs"], product: "Test")
    }

    @Test("Every part is told apart and decoded")
    func parts() throws {
        let whole = try address("dbs://us%40er:p%2Fa%3Fs%3As%C3%A9@h1:1,[::1]:65535,h3/a%20b/c?x=1%26&y=")
        #expect(whole.scheme == "dbs")
        #expect(whole.user == "us@er")
        #expect(whole.password?.reveal() == "p/a?s:sé")
        #expect(whole.hosts.map(\.name) == ["h1", "::1", "h3"])
        #expect(whole.hosts.map(\.port) == [1, 65_535, nil])
        #expect(whole.path == "a b/c")
        #expect(whole.parameters.map { "\($0.name)=\($0.value)" } == ["x=1&", "y="])
    }

    @Test("What is absent or empty is nothing", arguments: ["db://", "db:///", "db://@", "db:///?"])
    func absent(_ text: String) throws {
        let empty = try address(text)
        #expect(empty.user == nil && empty.password == nil && empty.hosts.isEmpty && empty.path == nil)
        #expect(empty.parameters.isEmpty)
    }

    @Test("A password may hold '@' and ':' as they are")
    func raw() throws {
        let raw = try address("db://u:a:b@c@h")
        #expect(raw.user == "u" && raw.password?.reveal() == "a:b@c" && raw.hosts.map(\.name) == ["h"])
    }

    @Test(
        "What is wrong is told without showing it",
        arguments: [
            ("MARKER", "db:// or dbs://"), ("http://MARKER", "db:// or dbs://"), ("db://MARKER#", "#"),
            ("db://h:0", "port"), ("db://h:65536", "port"), ("db://h:MARKER", "port"), ("db://h:", "port"),
            ("db://h:+1", "port"), ("db://[MARKER", "["), ("db://[::1]MARKER", "]"), ("db://MARKER%", "%"),
            ("db://MARKER%1@h", "%"), ("db://MARKER%+1@h", "%"), ("db://MARKER%00@h", "no text"),
            ("db://MARKER%ff@h", "no text"), ("db://h?MARKER", "no value"), ("db://h?a=1&a=MARKER", "'a' twice"),
            // A slash or question mark in a password that was not encoded would make its rest a path or parameter.
            ("db://u:MAR/KER@h", "%2F"), ("db://u:pass?MARKER=1@h", "%3F"),
        ])
    func wrong(_ text: String, _ told: String) {
        let error = #expect(throws: TenancyError.self) { try address(text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(told) == true, "\(String(describing: error))")
        #expect(!"\(String(describing: error))".contains("MARKER"))
    }
}
