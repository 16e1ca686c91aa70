/// The declaration of one field: the column's name and the property that it is stored from.
public struct Field<Element, Property: FieldValue>: Sendable {
    enum Role: Sendable {
        case plain, key, version
    }

    let name: String
    let keyPath: any KeyPath<Element, Property> & Sendable
    let options: FieldOptions
    let role: Role

    private init(
        _ name: String, _ keyPath: any KeyPath<Element, Property> & Sendable, _ options: FieldOptions, _ role: Role
    ) {
        self.name = name
        self.keyPath = keyPath
        self.options = options
        self.role = role
    }

    /// A field.
    ///
    /// - Parameters:
    ///   - name: The column: a lower-case letter, then lower-case letters, digits and `_`; at most 48 characters.
    ///   - keyPath: The property.
    ///   - options: How much it may hold and how finely.
    public static func field(
        _ name: String, _ keyPath: any KeyPath<Element, Property> & Sendable, _ options: FieldOptions = FieldOptions()
    ) -> Field {
        Field(name, keyPath, options, .plain)
    }
}

extension Field where Property: KeyValue {
    /// The field by which a record is found, unique within a tenant.
    public static func key(
        _ name: String, _ keyPath: any KeyPath<Element, Property> & Sendable, _ options: FieldOptions = FieldOptions()
    ) -> Field {
        Field(name, keyPath, options, .key)
    }
}

extension Field where Property == Int64 {
    /// The field that counts the record's changes: 1 when it is created, one more at each update. An update of a
    /// record whose stored version is another fails with ``TenancyError/Code/staleVersion``.
    public static func version(_ name: String, _ keyPath: any KeyPath<Element, Int64> & Sendable) -> Field {
        Field(name, keyPath, FieldOptions(), .version)
    }
}

/// The declaration of an index or a unique constraint, over properties of an entity.
public struct Index<Element>: Sendable {
    let keyPaths: [any PartialKeyPath<Element> & Sendable]

    /// An index over properties, in that order; the tenant always comes first and is not named.
    public static func on(_ keyPaths: any PartialKeyPath<Element> & Sendable...) -> Index {
        Index(keyPaths: keyPaths)
    }
}

/// The declaration of a field that full-text search looks into.
public struct SearchField<Element>: Sendable {
    let keyPath: any PartialKeyPath<Element> & Sendable
    let weight: Double

    /// A text property that is searched.
    ///
    /// - Parameter weight: How much a match in it counts beside one in another field; more than 0, at most 1,000.
    public static func text(
        _ keyPath: any KeyPath<Element, some TextFieldValue> & Sendable, weight: Double = 1
    ) -> SearchField {
        SearchField(keyPath: keyPath, weight: weight)
    }

    /// An optional text property that is searched.
    public static func text(
        _ keyPath: any KeyPath<Element, (some TextFieldValue)?> & Sendable, weight: Double = 1
    ) -> SearchField {
        SearchField(keyPath: keyPath, weight: weight)
    }
}
