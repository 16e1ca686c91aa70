import Foundation

extension ColumnBatch {
    /// Checks every value against its field and brings it into the form in which it is stored, before anything is
    /// sent.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue``, ``TenancyError/Code/valueTooLarge`` or
    ///   ``TenancyError/Code/notNullViolation``, naming field and row.
    package mutating func validate(for entity: EntityDescription, maximumValueBytes: Int) throws(TenancyError) {
        for (position, field) in entity.fields.enumerated() {
            if field.type == .timestamp { columns[position].truncateTimestamps(to: field.options.timestampPrecision) }
            let column = columns[position]
            if !field.isNullable, let row = column.nulls.firstIndex(of: true) {
                throw TenancyError(
                    .notNullViolation, "A field that must have a value has none.",
                    details: .init(entity: entity.name, field: field.name, row: row))
            }
            for row in 0..<count where !column.nulls[row] {
                guard let problem = field.problem(in: column, row: row, maximumValueBytes: maximumValueBytes) else {
                    continue
                }
                throw problem.with {
                    $0.entity = entity.name
                    $0.row = row
                }
            }
        }
    }
}

extension FieldDescription {
    /// What is wrong with a cell, or `nil`.
    fileprivate func problem(in column: ColumnBuffer, row: Int, maximumValueBytes: Int) -> TenancyError? {
        switch type {
        case .bool, .int64: nil
        case .timestamp:
            problem(of: .timestamp(Timestamp(microsecondsSince1970: column.int64s[row])), maximumValueBytes)
        case .double: column.doubles[row].isFinite ? nil : problem(of: .double(column.doubles[row]), maximumValueBytes)
        case .decimal: problem(of: .decimal(column.decimals[row]), maximumValueBytes)
        case .string: problem(ofText: column.strings[row], maximumValueBytes)
        case .json: problem(of: .json(JSON(trusted: column.strings[row])), maximumValueBytes)
        case .uuid: nil
        case .bytes: problem(ofLength: column.blobs[row].count, bytes: column.blobs[row].count, maximumValueBytes)
        }
    }

    /// What keeps a value, of the field's type, from being stored or compared, or `nil`.
    package func problem(of value: Value, _ maximumValueBytes: Int) -> TenancyError? {
        switch value {
        case .null, .bool, .int64, .uuid: return nil
        case .double(let value): return value.isFinite ? nil : invalid("A double is not a finite number.")
        case .timestamp(let value):
            return Timestamp.range.contains(value) ? nil : invalid("A timestamp lies outside the years 1 to 9999.")
        case .decimal(let value):
            if value.fits(precision: options.precision, scale: options.scale) { return nil }
            return invalid(
                "A decimal is NaN or has more digits than the field holds, which are \(options.precision) with "
                    + "\(options.scale) after the point.")
        case .string(let text): return problem(ofText: text, maximumValueBytes)
        case .bytes(let bytes): return problem(ofLength: bytes.count, bytes: bytes.count, maximumValueBytes)
        case .json(let json):
            if let tooLong = problem(ofLength: 0, bytes: json.text.utf8.count, maximumValueBytes) { return tooLong }
            guard let parsed = try? JSONValue(parsing: json.text) else { return invalid("A text is not JSON.") }
            return parsed.holdsNUL ? invalid("A JSON document holds a NUL character.") : nil
        }
    }

    private func problem(ofText text: String, _ maximumValueBytes: Int) -> TenancyError? {
        if text.utf8.contains(0) { return invalid("A text holds a NUL character.") }
        // A text has at most as many scalars as bytes, so most need no counting.
        let bytes = text.utf8.count
        let scalars = options.maximumLength.map { bytes <= $0 ? 0 : text.unicodeScalars.count } ?? 0
        return problem(ofLength: scalars, bytes: bytes, maximumValueBytes)
    }

    private func problem(ofLength length: Int, bytes: Int, _ maximumValueBytes: Int) -> TenancyError? {
        if bytes > maximumValueBytes {
            return TenancyError(
                .valueTooLarge, "A value is larger than the limit of \(maximumValueBytes) bytes.",
                details: .init(field: name))
        }
        if let maximum = options.maximumLength, length > maximum {
            return TenancyError(
                .valueTooLarge, "A value is longer than the field's maximum of \(maximum).",
                hint: "Shorten the value, or declare a larger maximumLength.", details: .init(field: name))
        }
        return nil
    }

    private func invalid(_ message: String) -> TenancyError {
        TenancyError(.invalidValue, message, details: .init(field: name))
    }
}
