import TenancyCore
import Testing

@Suite("Schema problems")
struct SchemaCheckTests {
    private func problems(
        _ fields: [FieldDescription], name: String = "things", key: Int? = 0, version: Int? = nil,
        indexes: [EntityDescription.Index] = [], search: [EntityDescription.SearchField] = []
    ) -> [String] {
        EntityDescription(
            name: name, fields: fields, keyColumn: key, versionColumn: version, indexes: indexes, searchFields: search
        ).problems
    }

    private func field(
        _ name: String, _ type: FieldType = .string, nullable: Bool = false, options: FieldOptions = FieldOptions()
    ) -> FieldDescription {
        FieldDescription(name: name, type: type, isNullable: nullable, options: options)
    }

    private var id: FieldDescription { field("id", .int64) }

    @Test("A plain declaration has none")
    func none() {
        #expect(problems([id, field("a"), field("b_2", .decimal)]).isEmpty)
        #expect(problems([id], name: String(repeating: "a", count: 48)).isEmpty)
    }

    @Test(
        "Names that could be taken for syntax are refused",
        arguments: [
            "", "A", "a-b", "a b", "1a", "_a", "a\"", "a'", "a;", "a.b", "$a", "a$", "é", "aé", "a\0", "a\n",
            "tenant_id", "rowid", "rank", String(repeating: "a", count: 49), "ctid", "xmin", "tableoid",
        ])
    func names(_ name: String) {
        #expect(!problems([id, field(name)]).isEmpty)
    }

    @Test(
        "Entity names are held to the same", arguments: ["", "Flights", "a-b", "a.b", "a\"b", "sqlite_x", "tenant_id"])
    func entityNames(_ name: String) { #expect(!problems([id], name: name).isEmpty) }

    @Test("A key is one int64, string or uuid that is always there")
    func keys() {
        #expect(!problems([id], key: nil).isEmpty)
        #expect(!problems([]).isEmpty)
        #expect(!problems([field("id", .int64, nullable: true)]).isEmpty)
        for type in FieldType.allCases {
            #expect(problems([field("id", type)]).isEmpty == [.int64, .string, .uuid].contains(type))
        }
    }

    @Test("A version is an int64 that is always there")
    func versions() {
        #expect(problems([id, field("version", .int64)], version: 1).isEmpty)
        #expect(!problems([id, field("version", .int64, nullable: true)], version: 1).isEmpty)
        #expect(!problems([id, field("version", .string)], version: 1).isEmpty)
    }

    @Test("Indexes name each field once, and no JSON")
    func indexes() {
        let fields = [id, field("a"), field("j", .json)]
        #expect(problems(fields, indexes: [.init(columns: [1, 0], isUnique: true)]).isEmpty)
        for columns in [[], [1, 1], [2], [1, 2], [3], [-1]] {
            #expect(!problems(fields, indexes: [.init(columns: columns, isUnique: false)]).isEmpty, "\(columns)")
        }
    }

    @Test("Positions outside the fields are problems, not crashes")
    func positions() {
        #expect(!problems([id], key: 7).isEmpty)
        #expect(!problems([id], version: 7).isEmpty)
        #expect(!problems([id], search: [.init(column: 7, weight: 1)]).isEmpty)
    }

    @Test("Search fields are text with a positive, bounded weight")
    func search() {
        let fields = [id, field("a")]
        #expect(problems(fields, search: [.init(column: 1, weight: 1_000)]).isEmpty)
        #expect(!problems(fields, search: [.init(column: 0, weight: 1)]).isEmpty)
        for weight in [0, -1, .nan, .infinity, 1_001] {
            #expect(!problems(fields, search: [.init(column: 1, weight: weight)]).isEmpty)
        }
    }

    @Test("Options are within what every database holds")
    func options() {
        for (precision, scale) in [(0, 0), (35, 0), (10, 11), (34, 31), (5, -1)] {
            #expect(
                !problems([id, field("d", .decimal, options: .decimal(precision: precision, scale: scale))]).isEmpty)
        }
        #expect(problems([id, field("d", .decimal, options: .decimal(precision: 34, scale: 30))]).isEmpty)
        #expect(!problems([id, field("s", .string, options: .maximumLength(0))]).isEmpty)
        #expect(!problems([id, field("s", .string, options: .default(1))]).isEmpty)
        #expect(problems([id, field("s", .string, options: .default("x"))]).isEmpty)
    }

    @Test("A field declared twice is a problem, and all problems are told at once")
    func all() {
        #expect(!problems([id, field("a"), field("a", .bool)]).isEmpty)
        #expect(
            problems([id, field("a b"), field("j", .json, options: .maximumLength(0))], name: "Bad", key: nil).count
                >= 4)
    }
}
