import Testing

@testable import TenancyCore

@Suite("Tenant ids")
struct TenantIDTests {
    @Test(
        "Letters, digits, '-' and '_' make an id",
        arguments: ["a", "UA", "0", "9-9", "eu-west_1", "A--__", String(repeating: "x", count: 63)])
    func accepts(_ text: String) throws {
        let id = try TenantID(text)
        #expect(id.rawValue == text)
        #expect("\(id)" == text)
    }

    static let hostile = [
        "", " ", "a ", " a", "a b", "a:b", ":", "*", "a*", "?", "[a]", "{x}", "a{b}", "\n", "a\n", "a\r\nb", "\0",
        "a\0",
        "a\u{0}b", ".", "..", "../a", "a/b", "a\\b", "/", "a.b", "-a", "_a", "_system", "-", "_", "a'b", "a\"b", "a;b",
        "a%00b", "a,b", "a$b", "a@b", "a#b", "a|b", "a`b", "tenant\u{200B}", "\u{202E}a", "а", "аdmin", "é", "e\u{301}",
        "ａ", "１", "٣", "ﬁ", "\u{212A}", "a\u{FEFF}", "🇩🇪", "ß", "\u{7F}", "a\u{1F}", "a\tb",
        String(repeating: "x", count: 64), String(repeating: "x", count: 100_000),
    ]

    @Test("Anything else is refused, and the error does not repeat it", arguments: hostile)
    func refuses(_ text: String) {
        let error = #expect(throws: TenancyError.self) { try TenantID(text) }
        #expect(error?.code == .invalidTenantID)
        if text.utf8.count > 3 { #expect(error.map { "\($0)".contains(text) } == false) }
    }

    @Test("Ids that differ in case only are different")
    func caseMatters() throws {
        #expect(try TenantID("a") != TenantID("A"))
        #expect(try TenantID("A") < TenantID("a"))
        #expect(try TenantID("a") < TenantID("a-"))
        #expect(try TenantID("a-") < TenantID("a0"))
    }

    @Test("No id that a caller can make is the system's")
    func systemIsOutOfReach() throws {
        #expect(throws: TenancyError.self) { try TenantID(TenantID.system.rawValue) }
        for text in ["system", "System", "0_system"] { #expect(try TenantID(text) != .system) }
    }
}
