/// Finds what is wrong with an entity's declaration, all of it at once.
struct SchemaCheck {
    let name: String
    let fields: [FieldDescription]
    private(set) var problems: [String] = []

    init(name: String, fields: [FieldDescription]) {
        self.name = name
        self.fields = fields
    }

    mutating func check(
        keyColumn: Int?, versionColumn: Int?, indexes: [EntityDescription.Index],
        search: [EntityDescription.SearchField]
    ) {
        checkIdentifier(name, what: "entity")
        for field in fields { check(field) }
        for (name, count) in Dictionary(grouping: fields, by: \.name).mapValues(\.count) where count > 1 {
            problems.append("field '\(name)' is declared \(count) times")
        }
        let named = [keyColumn, versionColumn].compactMap(\.self) + indexes.flatMap(\.columns) + search.map(\.column)
        guard named.allSatisfy(fields.indices.contains) else {
            return problems.append("the key, the version, an index or a search field is none of the fields")
        }
        checkKey(keyColumn)
        if let versionColumn, fields[versionColumn].type != .int64 || fields[versionColumn].isNullable {
            problems.append("version field '\(fields[versionColumn].name)' is not an int64")
        }
        for column in Set(indexes.flatMap(\.columns)) where fields[column].type == .json {
            problems.append("field '\(fields[column].name)' is json, which can't be indexed")
        }
        for index in indexes where index.columns.isEmpty || Set(index.columns).count != index.columns.count {
            problems.append("an index names no field or one field twice")
        }
        for field in search where fields[field.column].type != .string || !(field.weight > 0 && field.weight <= 1_000) {
            problems.append("search field '\(fields[field.column].name)' is not text, or its weight is not in 0…1000")
        }
    }

    private mutating func checkKey(_ keyColumn: Int?) {
        guard let keyColumn else { return problems.append("no field is declared as the key") }
        let key = fields[keyColumn]
        if key.isNullable || ![.int64, .string, .uuid].contains(key.type) {
            problems.append("key '\(key.name)' is not an int64, a string or a uuid")
        }
    }

    private mutating func check(_ field: FieldDescription) {
        checkIdentifier(field.name, what: "field")
        let options = field.options
        if field.type == .decimal,
            !(1...34).contains(options.precision) || !(0...min(30, options.precision)).contains(options.scale)
        {
            problems.append("decimal field '\(field.name)' has a precision outside 1…34 or a scale outside 0…30")
        }
        if let length = options.maximumLength, !(1...Int(Int32.max)).contains(length) {
            problems.append("field '\(field.name)' has a maximum length that is not positive")
        }
        if let value = options.defaultValue, value.type != field.type {
            problems.append("field '\(field.name)' has a default of another type")
        }
    }

    /// The tenant's column, and those that databases add to every table of their own accord.
    private static let reservedNames: Set = [
        "tenant_id", "rank", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
    ]

    /// Names go into SQL text and document keys, so they hold nothing that either could take for syntax.
    private mutating func checkIdentifier(_ name: String, what: String) {
        var bytes = name.utf8.makeIterator()
        let isLetter: (UInt8) -> Bool = { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        guard let first = bytes.next(), isLetter(first), name.utf8.count <= 48 else {
            return problems.append("\(what) '\(name)' does not begin with a letter a…z or is longer than 48 characters")
        }
        while let byte = bytes.next() {
            guard isLetter(byte) || byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            else { return problems.append("\(what) '\(name)' holds a character outside a…z, 0…9 and _") }
        }
        if Self.reservedNames.contains(name) || name.hasPrefix("rowid") || name.hasPrefix("sqlite_") {
            problems.append("\(what) '\(name)' has a reserved name")
        }
    }
}
