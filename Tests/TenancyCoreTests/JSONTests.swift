import TenancyCore
import Testing

@Suite("JSON documents")
struct JSONTests {
    @Test(
        "Documents that mean the same are equal and hash equally",
        arguments: [
            (#"{"a":1,"b":[true,null]}"#, #"{ "b" : [ true , null ], "a" : 1 }"#),
            ("1", "1.0"), ("\"a\"", "\"\\u0061\""), ("[]", "[ ]"), ("100", "1e2"), ("{}", " {}"),
        ])
    func equal(_ left: String, _ right: String) throws {
        let (left, right) = (try JSON(parsing: left), try JSON(parsing: right))
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
    }

    @Test(
        "Documents that mean something else are not equal",
        arguments: [
            ("1", "\"1\""), ("null", "false"), ("0", "false"), ("1", "true"), ("[1,2]", "[2,1]"), ("{}", "[]"),
            ("{}", #"{"a":null}"#), ("9007199254740993", "9007199254740992"), ("\"é\"", "\"e\u{301}\""),
            ("{\"é\":1}", "{\"e\u{301}\":1}"),
        ])
    func different(_ left: String, _ right: String) throws {
        #expect(try JSON(parsing: left) != JSON(parsing: right))
    }

    @Test("64-bit integers survive")
    func integers() throws {
        for number in [Int64.max, .min, 9_007_199_254_740_993, 0, -1] {
            #expect(try JSON(parsing: "\(number)").value() == .int(number))
            #expect(JSON(.int(number)).text == "\(number)")
        }
    }

    @Test("What is no document is refused", arguments: ["", "{", "nul", "{'a':1}", "[1,]", "NaN", "1 2", "\"\\x\""])
    func refuses(_ text: String) {
        #expect(throws: TenancyError.self) { try JSON(parsing: text) }
        let stored = JSON(trusted: text)
        let error = #expect(throws: TenancyError.self) { try stored.value() }
        #expect(error?.code == .corrupted)
        #expect(stored == stored)
    }

    @Test(
        "Half a pair of surrogates is no text, wherever it stands",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\udbff""#, #""\udfff""#, #""x\ud83dx""#, #""\ud83d\u0041""#,
            #""\ud83d\ud83d""#,
            #""\ude00\ud83d""#, #""\ud83d\n""#, #""\ud83d\ude0""#, #"{"\ud800":1}"#, #"["a",{"b":"\uDC00"}]"#,
        ])
    func loneSurrogates(_ text: String) {
        #expect(throws: TenancyError.self) { try JSONValue(parsing: text) }
        #expect(throws: TenancyError.self) { try JSON(parsing: text) }
    }

    @Test("A pair of surrogates is one character")
    func surrogatePairs() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00""#) == .string("\u{1F600}"))
        #expect(try JSONValue(parsing: #""\uD800\uDC00\uDBFF\uDFFF""#) == .string("\u{10000}\u{10FFFF}"))
        #expect(try JSONValue(parsing: #""\ud7ff\ue000""#) == .string("\u{D7FF}\u{E000}"))
        #expect(try JSONValue(parsing: #""\\ud800""#) == .string(#"\ud800"#))
    }

    @Test("Deep nesting is refused or parsed, never a crash")
    func deep() {
        let text = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        _ = try? JSON(parsing: text)
    }

    @Test("A document of a double that JSON can't write does not crash")
    func notFinite() {
        let values: [JSONValue] = [
            .double(.nan), .array([.double(.infinity)]), .object(["a": .int(1), "b": .double(-.infinity)]),
        ]
        for value in values {
            #expect(throws: TenancyError.self) { try JSON(value).value() }
            #expect(throws: TenancyError.self) { try JSON(parsing: JSON(value).text) }
        }
        #expect(JSONValue.object(["a": .int(1), "b": .double(.nan)]).finite == .object(["a": .int(1), "b": .null]))
    }

    @Test("NUL characters are found wherever they stand")
    func nul() throws {
        for text in [#""\u0000""#, #"{"a":["\u0000"]}"#, #"{"a\u0000":1}"#] {
            #expect(try JSONValue(parsing: text).holdsNUL)
        }
        #expect(try !JSONValue(parsing: #"{"a":["\\u0000",1,null]}"#).holdsNUL)
    }
}
