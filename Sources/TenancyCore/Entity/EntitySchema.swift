/// How a Swift type is stored: the one declaration that yields columns, key, indexes, search fields, and the code
/// that reads and writes rows.
///
/// ```swift
/// static let schema = EntitySchema(
///     "airports", Airport.init,
///     .key("code", \.id),
///     .field("name", \.name),
///     .field("altitude", \.altitude),
///     search: [.text(\.name)]
/// )
/// ```
///
/// The fields stand in the order of the initializer's parameters; if one is missing, misspelled or of another type,
/// the declaration doesn't compile. Two fields of one type in the wrong order are found when the SDK starts.
public struct EntitySchema<Element: Sendable>: Sendable {
    /// The schema without the Swift type.
    public let description: EntityDescription

    private let make: @Sendable (RowView) throws(TenancyError) -> Element
    private let writers: [FieldWriter<Element>]
    private let columns: [KeyPathKey: Int]

    /// Declares how a type is stored.
    ///
    /// - Parameters:
    ///   - name: The entity's and the table's name: a lower-case letter, then lower-case letters, digits and `_`; at
    ///     most 48 characters.
    ///   - make: Makes an element from the fields' values, usually its memberwise initializer.
    ///   - fields: The fields in the order of `make`'s parameters, exactly one of them a `.key`.
    ///   - indexes: What is searched by or sorted by often.
    ///   - unique: What one tenant can have only once.
    ///   - search: What full-text search looks into.
    ///
    /// A declaration that contradicts itself is reported, whole, when the SDK starts.
    public init<each Property: FieldValue>(
        _ name: String,
        _ make: @escaping @Sendable (repeat each Property) -> Element,
        _ fields: repeat Field<Element, each Property>,
        indexes: [Index<Element>] = [],
        unique: [Index<Element>] = [],
        search: [SearchField<Element>] = []
    ) {
        var descriptions: [FieldDescription] = []
        var writers: [FieldWriter<Element>] = []
        var columns: [KeyPathKey: Int] = [:]
        var keys: [Int] = []
        var versions: [Int] = []
        for field in repeat each fields {
            if field.role == .key { keys.append(descriptions.count) }
            if field.role == .version { versions.append(descriptions.count) }
            columns[KeyPathKey(field.keyPath)] = descriptions.count
            descriptions.append(field.description)
            writers.append(field.writer)
        }
        var problems: [String] = []
        if keys.count > 1 { problems.append("more than one field is declared as the key") }
        if versions.count > 1 { problems.append("more than one field is declared as the version") }
        func resolve(_ keyPaths: [any PartialKeyPath<Element> & Sendable]) -> [Int] {
            keyPaths.compactMap { keyPath in
                if let column = columns[KeyPathKey(keyPath)] { return column }
                problems.append("an index or search field names a property that is no field")
                return nil
            }
        }
        let declaredIndexes =
            indexes.map { EntityDescription.Index(columns: resolve($0.keyPaths), isUnique: false) }
            + unique.map { EntityDescription.Index(columns: resolve($0.keyPaths), isUnique: true) }
        let searchFields = search.flatMap { field in
            resolve([field.keyPath]).map { EntityDescription.SearchField(column: $0, weight: field.weight) }
        }
        description = EntityDescription(
            name: name, fields: descriptions, keyColumn: keys.first, versionColumn: versions.first,
            indexes: declaredIndexes, searchFields: searchFields, problems: problems)
        self.writers = writers
        self.columns = columns
        self.make = { (row: RowView) throws(TenancyError) -> Element in
            var column = -1
            func next() -> Int {
                column += 1
                return column
            }
            return make(repeat try (each Property).read(row, next()))
        }
    }

    fileprivate init(
        description: EntityDescription, writers: [FieldWriter<Element>],
        make: @escaping @Sendable (RowView) throws(TenancyError) -> Element
    ) {
        self.description = description
        self.writers = writers
        self.make = make
        columns = [:]
    }

    /// An element from a row that carries every field in order.
    ///
    /// - Throws: ``TenancyError`` if a cell is not of its field's type.
    public func decode(_ row: RowView) throws(TenancyError) -> Element { try make(row) }

    /// The elements of a batch whose rows carry every field in order.
    ///
    /// - Throws: ``TenancyError`` if a cell is not of its field's type.
    public func decode(_ batch: any RowBatch) throws(TenancyError) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(batch.count)
        for row in 0..<batch.count { elements.append(try make(RowView(batch, row: row))) }
        return elements
    }

    /// Refuses an element that is not of the schema's entity, as a ``Record`` can be.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/typeMismatch``.
    package func check(_ element: Element) throws(TenancyError) {
        guard Element.self == Record.self, let record = element as? Record, record.entity != description else { return }
        throw TenancyError(
            .typeMismatch, "A record is of another entity.", hint: "Make it with this entity's description.",
            details: .init(entity: description.name))
    }

    /// Adds an element's values at the end of a batch.
    public func encode(_ element: Element, into batch: inout ColumnBatch) {
        withUnsafePointer(to: element) { encode($0, into: &batch) }
    }

    /// Adds elements' values at the end of a batch, one column after another, from where the elements lie.
    package func encode(_ elements: [Element], into batch: inout ColumnBatch) {
        elements.withUnsafeBufferPointer { elements in
            for column in writers.indices { writers[column].append(elements, to: &batch.columns[column]) }
        }
        batch.count += elements.count
    }

    private func encode(_ element: UnsafePointer<Element>, into batch: inout ColumnBatch) {
        let elements = UnsafeBufferPointer(start: element, count: 1)
        for column in writers.indices { writers[column].append(elements, to: &batch.columns[column]) }
        batch.count += 1
    }

    /// The name of the field that stores a property, or `nil` if none does.
    public func fieldName(of keyPath: any PartialKeyPath<Element> & Sendable) -> String? {
        columns[KeyPathKey(keyPath)].map { description.fields[$0].name }
    }

    /// The name of the field that stores a property, or else one that is refused, by an error that names the property,
    /// where it is used.
    package func name(of keyPath: any PartialKeyPath<Element> & Sendable) -> String {
        fieldName(of: keyPath) ?? description.nameOfStranger(keyPath)
    }
}

extension EntitySchema where Element == Record {
    /// The schema of untyped records of an entity.
    public init(records entity: EntityDescription) {
        self.init(
            description: entity,
            writers: entity.fields.indices.map { RecordFieldWriter(column: $0) },
            make: { row throws(TenancyError) in try Record(entity, row) })
    }
}

extension Field {
    fileprivate var description: FieldDescription {
        FieldDescription(name: name, type: Property.fieldType, isNullable: Property.isNullable, options: options)
    }

    fileprivate var writer: FieldWriter<Element> { PropertyWriter(keyPath) }
}

/// Moves one field from elements into a column. A class per field, because a loop over a parameter pack builds the
/// metadata of the whole pack at every call: 16 µs for 19 fields, where this takes 1.6 µs.
private class FieldWriter<Element>: @unchecked Sendable {
    // Unchecked only because it is subclassed: neither this class nor a subclass has mutable state.
    func append(_ elements: UnsafeBufferPointer<Element>, to column: inout ColumnBuffer) {}
}

private final class PropertyWriter<Element, Property: FieldValue>: FieldWriter<Element>, @unchecked Sendable {
    private let keyPath: any KeyPath<Element, Property> & Sendable
    /// Where the property lies in an element, if it is stored there: reading it from there spares a walk along the key
    /// path for each value.
    private let offset: Int?

    init(_ keyPath: any KeyPath<Element, Property> & Sendable) {
        self.keyPath = keyPath
        offset = MemoryLayout<Element>.offset(of: keyPath)
    }

    override func append(_ elements: UnsafeBufferPointer<Element>, to column: inout ColumnBuffer) {
        guard let offset, let start = UnsafeRawPointer(elements.baseAddress) else {
            for element in elements { element[keyPath: keyPath].append(to: &column) }
            return
        }
        for position in 0..<elements.count {
            let place = start + (position * MemoryLayout<Element>.stride + offset)
            place.assumingMemoryBound(to: Property.self).pointee.append(to: &column)
        }
    }
}

private final class RecordFieldWriter: FieldWriter<Record>, @unchecked Sendable {
    private let column: Int

    init(column: Int) { self.column = column }

    override func append(_ elements: UnsafeBufferPointer<Record>, to column: inout ColumnBuffer) {
        for element in elements {
            // A record checks its values' types when they are set, and its entity was checked before.
            guard self.column < element.values.count else {
                column.appendNull()
                continue
            }
            do throws(TenancyError) { try column.append(element.values[self.column]) } catch { column.appendNull() }
        }
    }
}

/// A key path as the key of a dictionary.
private struct KeyPathKey: Hashable, @unchecked Sendable {
    // Unchecked because an existential of key path and Sendable is not Hashable; what it is made from is Sendable.
    private let keyPath: AnyKeyPath

    init(_ keyPath: any AnyKeyPath & Sendable) { self.keyPath = keyPath }
}
