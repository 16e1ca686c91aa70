import TenancyCore

/// The statements that write rows of an entity, for one row and for many.
///
/// Those that take rows have the same parameters: the tenant, every column in the order of the fields, then the words
/// of each search column; each a value for one row, and an array for many. `…Many` of updates and removals change
/// nothing unless all rows can be changed; `…ManySeparately` change those that can.
struct RowWriteStatements: Sendable {
    let insertOne: CompiledStatement
    let insertMany: CompiledStatement
    /// With a version field, returns the stored version.
    let upsertOne: CompiledStatement
    /// With a version field, returns the stored version and the key of each row. No key may come twice.
    let upsertMany: CompiledStatement
    /// Returns verdicts.
    let updateOne: CompiledStatement
    /// Returns verdicts. No key may come twice.
    let updateMany: CompiledStatement
    /// Returns verdicts. No key may come twice.
    let updateManySeparately: CompiledStatement
    /// Removes by key: the tenant, an array of keys.
    let deleteMany: CompiledStatement
    /// Removes by key and version and returns verdicts: the tenant, a key, a version. `nil` without a version field,
    /// as are the others.
    let deleteVersionOne: CompiledStatement?
    /// Removes by keys and versions and returns verdicts: the tenant, arrays of both. No key may come twice.
    let deleteVersionMany: CompiledStatement?
    /// As ``deleteVersionMany``, but removes those that it can.
    let deleteVersionManySeparately: CompiledStatement?

    init(_ names: ColumnNames, table: String) {
        let text = RowWriteText(names: names, table: table)
        let entity = names.entity
        let words = names.searchColumns.count
        let one = [.text] + entity.fields.map { PostgresType($0.type) } + Array(repeating: .tsvector, count: words)
        let many =
            [.text] + entity.fields.map { PostgresType(arrayOf: $0.type) }
            + Array(repeating: .tsvectorArray, count: words)
        insertOne = CompiledStatement(text.insertOne, types: one)
        insertMany = CompiledStatement(text.insertMany, types: many)
        upsertOne = CompiledStatement(text.upsertOne, types: one)
        upsertMany = CompiledStatement(text.upsertMany, types: many)
        updateOne = CompiledStatement(text.updateOne, types: one)
        updateMany = CompiledStatement(text.updateMany, types: many)
        updateManySeparately = CompiledStatement(text.updateManySeparately, types: many)
        let (key, keys) = (PostgresType(entity.key.type), PostgresType(arrayOf: entity.key.type))
        deleteMany = CompiledStatement(text.deleteMany, types: [.text, keys])
        deleteVersionOne = text.deleteVersionOne.map { CompiledStatement($0, types: [.text, key, .int8]) }
        deleteVersionMany = text.deleteVersionMany.map { CompiledStatement($0, types: [.text, keys, .int8Array]) }
        deleteVersionManySeparately = text.deleteVersionManySeparately.map {
            CompiledStatement($0, types: [.text, keys, .int8Array])
        }
    }
}

/// The texts of the statements that write rows.
///
/// A verdict is a row of two integers: 0 and how many records were changed; or the number, from 1, of a row that could
/// not be, and 1 if its record is there with another version, 0 if it is not there.
private struct RowWriteText {
    let names: ColumnNames
    let table: String

    private var entity: EntityDescription { names.entity }
    private var columns: [Int] { Array(entity.fields.indices) }

    /// Every column that is written: the fields, then the words of each search column.
    private var written: [String] { columns.map { names[$0] } + names.searchColumns.map(names.words) }

    /// The columns that an update changes, with the number of each among ``written``.
    private var changed: [(name: String, number: Int)] {
        written.enumerated().filter { $0.offset != entity.keyColumn }.map { ($0.element, $0.offset) }
    }

    private var places: [String] { written.indices.map { "$\($0 + 2)" } }

    /// The columns of ``written`` in a list of many rows.
    private func cell(_ number: Int) -> String { "c\(number)" }

    private var cells: String { written.indices.map(cell).joined(separator: ", ") }

    private var into: String { "INSERT INTO \(table) AS t (tenant_id, \(written.joined(separator: ", ")))" }

    private var rows: String { "unnest(\(places.joined(separator: ", "))) WITH ORDINALITY AS u(\(cells), n)" }

    var insertOne: String { into + " VALUES ($1, \(places.joined(separator: ", ")))" }

    var insertMany: String {
        into + " SELECT $1, u.* FROM unnest(\(places.joined(separator: ", "))) AS u(\(cells))"
    }

    private var replacing: String {
        var assignments = changed.map { name, number in
            number == entity.versionColumn ? "\(name) = t.\(name) + 1" : "\(name) = excluded.\(name)"
        }
        // Counted as changed, as the others are.
        if assignments.isEmpty { assignments = ["\(names.key) = excluded.\(names.key)"] }
        return " ON CONFLICT (tenant_id, \(names.key)) DO UPDATE SET " + assignments.joined(separator: ", ")
    }

    var upsertOne: String {
        let values = places.enumerated().map { $0.offset == entity.versionColumn ? "1" : $0.element }
        let returning = names.version.map { " RETURNING t.\($0)" } ?? ""
        return into + " VALUES ($1, \(values.joined(separator: ", ")))" + replacing + returning
    }

    var upsertMany: String {
        let values = written.indices.map { $0 == entity.versionColumn ? "1" : cell($0) }
        let returning = names.version.map { " RETURNING t.\($0), t.\(names.key)" } ?? ""
        return into + " SELECT $1, \(values.joined(separator: ", ")) FROM \(rows) ORDER BY n" + replacing + returning
    }

    var updateOne: String {
        let fresh = names.version.map { " AND t.\($0) = \(Self.previous("$\((entity.versionColumn ?? 0) + 2)"))" } ?? ""
        var assignments = changed.map { "\($0.name) = $\($0.number + 2)" }
        if assignments.isEmpty { assignments = ["\(names.key) = t.\(names.key)"] }
        let found = "t.tenant_id = $1 AND t.\(names.key) = $\(entity.keyColumn + 2)"
        return verdict(
            of: "UPDATE \(table) AS t SET \(assignments.joined(separator: ", ")) WHERE \(found)\(fresh)",
            presence: found)
    }

    /// The verdict of a change of one row. Whether the record is there is asked only if it was not changed.
    private func verdict(of change: String, presence: String) -> String {
        """
        WITH changed AS (\(change) RETURNING 1), total AS (SELECT count(*) AS n FROM changed) \
        SELECT CASE WHEN n > 0 THEN 0::bigint ELSE 1 END, \
        CASE WHEN n > 0 THEN n ELSE \(exists(presence))::int::bigint END FROM total
        """
    }

    private func exists(_ presence: String) -> String { "EXISTS (SELECT FROM \(table) AS t WHERE \(presence))" }

    private var assignmentsOfMany: String {
        var assignments = changed.map { "\($0.name) = i.\(cell($0.number))" }
        if assignments.isEmpty { assignments = ["\(names.key) = t.\(names.key)"] }
        return assignments.joined(separator: ", ")
    }

    private var matchesInput: String { "t.tenant_id = $1 AND t.\(names.key) = i.\(cell(entity.keyColumn))" }

    var updateMany: String {
        let fresh = entity.versionColumn.map { "f.version = \(Self.previous("u.\(cell($0))"))" } ?? "true"
        return allOrNone(
            rows: rows, key: "u.\(cell(entity.keyColumn))", isGood: "\(isThere) AND \(fresh)",
            change: "UPDATE \(table) AS t SET \(assignmentsOfMany) FROM input AS i WHERE \(matchesInput)")
    }

    var updateManySeparately: String {
        let fresh = entity.versionColumn.map { " AND t.\(names[$0]) = \(Self.previous("i.\(cell($0))"))" } ?? ""
        return separately(
            rows: rows,
            change: "UPDATE \(table) AS t SET \(assignmentsOfMany) FROM input AS i WHERE \(matchesInput)\(fresh)",
            presence: matchesInput, reportsAbsence: true)
    }

    var deleteMany: String { "DELETE FROM \(table) WHERE tenant_id = $1 AND \(names.key) = ANY ($2)" }

    private let keysAndVersions = "unnest($2, $3) WITH ORDINALITY AS u(key, version, n)"

    var deleteVersionOne: String? {
        names.version.map { version in
            let found = "t.tenant_id = $1 AND t.\(names.key) = $2"
            return verdict(
                of: "DELETE FROM \(table) AS t WHERE \(found) AND t.\(version) = $3", presence: found)
        }
    }

    var deleteVersionMany: String? {
        names.version.map { _ in
            allOrNone(
                rows: keysAndVersions, key: "u.key", isGood: "NOT \(isThere) OR f.version = u.version",
                change: """
                    DELETE FROM \(table) AS t USING input AS i WHERE t.tenant_id = $1 AND t.\(names.key) = i.key
                    """)
        }
    }

    var deleteVersionManySeparately: String? {
        names.version.map { version in
            let found = "t.tenant_id = $1 AND t.\(names.key) = i.key"
            return separately(
                rows: keysAndVersions,
                change: "DELETE FROM \(table) AS t USING input AS i WHERE \(found) AND t.\(version) = i.version",
                presence: found, reportsAbsence: false)
        }
    }

    /// The version before one. None comes before the least, whose predecessor the server could not count to.
    private static func previous(_ version: String) -> String { "nullif(\(version), '\(Int64.min)'::bigint) - 1" }

    private let isThere = "coalesce(f.present, false)"

    /// Looks at every record first, and locks it, so that what was seen is still so when it is changed; changes none if
    /// one is not as it has to be.
    ///
    /// Records are looked up row by row and not by a join of two lists, because the server takes a list of unknown
    /// length for a short one, and would go through all of one for each row of the other.
    private func allOrNone(rows: String, key: String, isGood: String, change: String) -> String {
        let version = names.version.map { "t.\($0)" } ?? "0::bigint"
        return """
            WITH input AS MATERIALIZED (SELECT u.*, \(isThere) AS present, coalesce(\(isGood), false) AS good \
            FROM \(rows) LEFT JOIN LATERAL (SELECT true AS present, \(version) AS version FROM \(table) AS t \
            WHERE t.tenant_id = $1 AND t.\(names.key) = \(key) FOR UPDATE) AS f ON true), \
            changed AS (\(change) AND NOT EXISTS (SELECT FROM input AS b WHERE NOT b.good) RETURNING 1) \
            SELECT 0::bigint, (SELECT count(*) FROM changed) \
            UNION ALL SELECT i.n, i.present::int::bigint FROM input AS i WHERE NOT i.good ORDER BY 1
            """
    }

    /// Changes what can be changed and tells of the rest.
    private func separately(rows: String, change: String, presence: String, reportsAbsence: Bool) -> String {
        let rest = "SELECT i.n, \(exists(presence))::int::bigint AS present FROM input AS i"
        return """
            WITH input AS MATERIALIZED (SELECT u.* FROM \(rows)), \
            changed AS (\(change) RETURNING i.n) \
            SELECT 0::bigint, (SELECT count(*) FROM changed) UNION ALL SELECT r.n, r.present \
            FROM (\(rest) WHERE i.n NOT IN (SELECT c.n FROM changed AS c)) AS r\
            \(reportsAbsence ? "" : " WHERE r.present = 1") ORDER BY 1
            """
    }
}
