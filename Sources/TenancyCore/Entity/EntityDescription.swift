import Synchronization

/// What an adapter needs to know of an entity: its columns, key, indexes and search fields, without its Swift type.
///
/// One instance exists for each schema, so descriptions are compared by identity, which is what makes a statement's
/// shape cheap to hash.
public final class EntityDescription: Sendable {
    /// An index over columns, led by the tenant in every database that keeps tenants together.
    public struct Index: Sendable, Hashable {
        /// Positions of the columns in ``EntityDescription/fields``, in the index's order.
        public let columns: [Int]
        /// Whether one tenant can have the same values only once. Records without a value in one of the columns are
        /// never equal.
        public let isUnique: Bool

        /// An index over the fields at some positions.
        public init(columns: [Int], isUnique: Bool) {
            self.columns = columns
            self.isUnique = isUnique
        }
    }

    /// A field that full-text search looks into.
    public struct SearchField: Sendable, Hashable {
        /// The position of the column in ``EntityDescription/fields``.
        public let column: Int
        /// How much a match counts beside one in another field; 1 unless declared.
        public let weight: Double

        /// A search field at a position.
        public init(column: Int, weight: Double = 1) {
            self.column = column
            self.weight = weight
        }
    }

    /// The entity's name, which is also its table's.
    public let name: String
    /// The fields in the order in which rows carry them.
    public let fields: [FieldDescription]
    /// The position of the key in ``fields``.
    public let keyColumn: Int
    /// The position of the version in ``fields``, if the entity has one.
    public let versionColumn: Int?
    /// The indexes beside the key's.
    public let indexes: [Index]
    /// The fields that full-text search looks into.
    public let searchFields: [SearchField]
    /// A stable digest of everything that decides how a row is stored; another one means another form.
    public let fingerprint: String
    /// What is wrong with the declaration, in words; empty if it can be used.
    public let problems: [String]

    private let positions: [String: Int]
    /// Key paths of properties that were used as fields and are none.
    private let strangers = Mutex<Set<String>>([])

    /// The key's field.
    public var key: FieldDescription { fields[keyColumn] }

    /// The position of the field of that name, or `nil`.
    public func column(named name: String) -> Int? { positions[name] }

    /// The position of the field of that name.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unknownField``. It names the property of a key path that is
    ///   no field, and not a name that a caller made up, which may hold anything.
    public func requireColumn(named name: String) throws(TenancyError) -> Int {
        if let column = positions[name] { return column }
        let isProperty = strangers.withLock { $0.contains(name) }
        throw TenancyError(
            .unknownField,
            isProperty ? "A property is no field of the entity." : "The entity has no field of that name.",
            hint: "Use a field that the entity's schema declares: \(fields.map(\.name).joined(separator: ", ")).",
            details: .init(entity: self.name, field: isProperty ? name : nil))
    }

    /// What stands in a statement for a property that no field stores: its key path, which comes from the program's
    /// text and not from a caller's input, and so may be named in an error.
    func nameOfStranger(_ keyPath: AnyKeyPath) -> String {
        let name = "\(keyPath)"
        strangers.withLock { names in
            // There are as many as the program has such mistakes; the bound is against key paths made at run time.
            if names.count < 1_000 { names.insert(name) }
        }
        return name
    }

    /// Describes an entity. What is wrong with it is told by ``problems``, so that a schema can be a static constant.
    public init(
        name: String, fields: [FieldDescription], keyColumn: Int?, versionColumn: Int?, indexes: [Index] = [],
        searchFields: [SearchField] = [], problems: [String] = []
    ) {
        let indexed = Set([keyColumn].compactMap(\.self) + indexes.flatMap(\.columns))
        let fields = fields.enumerated().map { position, field in
            guard indexed.contains(position), field.type == .string || field.type == .bytes,
                field.options.maximumLength == nil
            else { return field }
            var options = field.options
            options.maximumLength = FieldOptions.indexedMaximumLength
            return FieldDescription(
                name: field.name, type: field.type, isNullable: field.isNullable, options: options)
        }
        self.name = name
        self.fields = fields
        self.keyColumn = keyColumn ?? 0
        self.versionColumn = versionColumn
        self.indexes = indexes
        self.searchFields = searchFields
        positions = Dictionary(
            fields.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
        var declaration = SchemaCheck(name: name, fields: fields)
        declaration.check(keyColumn: keyColumn, versionColumn: versionColumn, indexes: indexes, search: searchFields)
        self.problems = problems + declaration.problems
        fingerprint = StableDigest.of(
            name,
            fields.map { field in
                "\(field.name):\(field.type.rawValue):\(field.isNullable):\(field.options.precision)"
                    + ":\(field.options.scale):\(field.options.timestampPrecision)"
            }.joined(separator: ","),
            "\(self.keyColumn):\(versionColumn ?? -1)")
    }
}

extension EntityDescription: Hashable {
    /// Whether both are the same instance.
    public static func == (left: EntityDescription, right: EntityDescription) -> Bool { left === right }

    /// Hashes the instance.
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
