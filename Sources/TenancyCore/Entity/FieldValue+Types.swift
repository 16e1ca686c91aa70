public import Foundation

extension Bool: FieldValue {
    /// ``FieldType/bool``
    public static var fieldType: FieldType { .bool }
    /// ``Value/bool(_:)``
    public var fieldValue: Value { .bool(self) }
    /// Reads a boolean.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Bool {
        try row.batch.bool(row.row, column)
    }
    /// Appends a boolean.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension Int64: NumericFieldValue, KeyValue {
    /// ``FieldType/int64``
    public static var fieldType: FieldType { .int64 }
    /// ``Value/int64(_:)``
    public var fieldValue: Value { .int64(self) }
    /// Reads an integer.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Int64 {
        try row.batch.int64(row.row, column)
    }
    /// Appends an integer.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
    /// The quotient as a double.
    public static func average(sum: Int64, count: Int) -> Double { Double(sum) / Double(count) }
}

extension Int: NumericFieldValue, KeyValue {
    /// ``FieldType/int64``
    public static var fieldType: FieldType { .int64 }
    /// ``Value/int64(_:)``
    public var fieldValue: Value { .int64(Int64(self)) }
    /// Reads an integer.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Int {
        Int(truncatingIfNeeded: try row.batch.int64(row.row, column))
    }
    /// Appends an integer.
    public func append(to column: inout ColumnBuffer) { column.append(Int64(self)) }
    /// The quotient as a double.
    public static func average(sum: Int, count: Int) -> Double { Double(sum) / Double(count) }
}

extension Double: NumericFieldValue {
    /// ``FieldType/double``
    public static var fieldType: FieldType { .double }
    /// ``Value/double(_:)``
    public var fieldValue: Value { .double(self) }
    /// Reads a double.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Double {
        try row.batch.double(row.row, column)
    }
    /// Appends a double.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
    /// The quotient.
    public static func average(sum: Double, count: Int) -> Double { sum / Double(count) }
}

extension Decimal: NumericFieldValue {
    /// ``FieldType/decimal``
    public static var fieldType: FieldType { .decimal }
    /// ``Value/decimal(_:)``
    public var fieldValue: Value { .decimal(self) }
    /// Reads a decimal.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Decimal {
        try row.batch.decimal(row.row, column)
    }
    /// Appends a decimal.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
    /// The quotient, to the 38 digits that a decimal has.
    public static func average(sum: Decimal, count: Int) -> Decimal { sum / Decimal(count) }
}

extension String: ExtremeFieldValue, TextFieldValue, KeyValue {
    /// ``FieldType/string``
    public static var fieldType: FieldType { .string }
    /// ``Value/string(_:)``
    public var fieldValue: Value { .string(self) }
    /// Reads text.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> String {
        try row.batch.string(row.row, column)
    }
    /// Appends text.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension UUID: OrderedFieldValue, KeyValue {
    /// ``FieldType/uuid``
    public static var fieldType: FieldType { .uuid }
    /// ``Value/uuid(_:)``
    public var fieldValue: Value { .uuid(self) }
    /// Reads a UUID.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> UUID {
        try row.batch.uuid(row.row, column)
    }
    /// Appends a UUID.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension Timestamp: ExtremeFieldValue {
    /// ``FieldType/timestamp``
    public static var fieldType: FieldType { .timestamp }
    /// ``Value/timestamp(_:)``
    public var fieldValue: Value { .timestamp(self) }
    /// Reads an instant.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Timestamp {
        try row.batch.timestamp(row.row, column)
    }
    /// Appends an instant.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension Date: ExtremeFieldValue {
    /// ``FieldType/timestamp``
    public static var fieldType: FieldType { .timestamp }
    /// ``Value/timestamp(_:)``
    public var fieldValue: Value { .timestamp(Timestamp(self)) }
    /// Reads an instant.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Date {
        try row.batch.timestamp(row.row, column).date
    }
    /// Appends an instant.
    public func append(to column: inout ColumnBuffer) { column.append(Timestamp(self)) }
}

extension [UInt8]: FieldValue, OrderedFieldValue {
    /// ``FieldType/bytes``
    public static var fieldType: FieldType { .bytes }
    /// ``Value/bytes(_:)``
    public var fieldValue: Value { .bytes(self) }
    /// Reads bytes.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> [UInt8] {
        try row.batch.bytes(row.row, column)
    }
    /// Appends bytes.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension Data: OrderedFieldValue {
    /// ``FieldType/bytes``
    public static var fieldType: FieldType { .bytes }
    /// ``Value/bytes(_:)``
    public var fieldValue: Value { .bytes([UInt8](self)) }
    /// Reads bytes.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Data {
        Data(try row.batch.bytes(row.row, column))
    }
    /// Appends bytes.
    public func append(to column: inout ColumnBuffer) { column.append([UInt8](self)) }
}

extension JSON: FieldValue {
    /// ``FieldType/json``
    public static var fieldType: FieldType { .json }
    /// ``Value/json(_:)``
    public var fieldValue: Value { .json(self) }
    /// Reads a document.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> JSON {
        try row.batch.json(row.row, column)
    }
    /// Appends a document.
    public func append(to column: inout ColumnBuffer) { column.append(self) }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    /// The wrapped type's.
    public static var fieldType: FieldType { Wrapped.fieldType }
    /// `true`.
    public static var isNullable: Bool { true }
    /// The wrapped value's, or ``Value/null``.
    public var fieldValue: Value { self?.fieldValue ?? .null }
    /// Reads a value or none.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Wrapped? {
        if row.batch.isNull(row.row, column) { return nil }
        return try Wrapped.read(row, column)
    }
    /// Appends a value or none.
    public func append(to column: inout ColumnBuffer) {
        if let self { self.append(to: &column) } else { column.appendNull() }
    }
}

extension FieldValue where Self: RawRepresentable, RawValue: FieldValue {
    /// The raw value's.
    public static var fieldType: FieldType { RawValue.fieldType }
    /// The raw value's.
    public var fieldValue: Value { rawValue.fieldValue }
    /// Reads a raw value and makes a value of it.
    public static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Self {
        guard let value = Self(rawValue: try RawValue.read(row, column)) else {
            throw TenancyError(
                .typeMismatch, "A stored raw value has no counterpart in \(Self.self).",
                hint: "Add the missing case, or correct the stored records.")
        }
        return value
    }
    /// Appends the raw value.
    public func append(to column: inout ColumnBuffer) { rawValue.append(to: &column) }
}
