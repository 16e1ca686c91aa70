import Foundation
import Logging
import Testing

@testable import TenancyCore
@testable import TenancySQLite

typealias Predicate = TenancyCore.Predicate

/// A fresh directory that is removed with its last user.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "tenancy-sqlite-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Declarations that the tests vary.
struct Fields {
    static func field(
        _ name: String, _ type: FieldType, nullable: Bool = false, _ options: FieldOptions = FieldOptions()
    ) -> FieldDescription {
        FieldDescription(name: name, type: type, isNullable: nullable, options: options)
    }

    static func item(
        _ extra: [FieldDescription] = [], indexes: [EntityDescription.Index] = [],
        search: [EntityDescription.SearchField] = [], versioned: Bool = false
    ) -> EntityDescription {
        let fields =
            [
                field("id", .int64), field("name", .string, nullable: true), field("count", .int64, nullable: true),
                field("price", .decimal, nullable: true),
            ] + (versioned ? [field("version", .int64)] : []) + extra
        return EntityDescription(
            name: "items", fields: fields, keyColumn: 0, versionColumn: versioned ? 4 : nil, indexes: indexes,
            searchFields: search)
    }
}

/// An adapter on a directory of its own.
struct Bench {
    let directory: TemporaryDirectory
    let adapter: SQLiteAdapter
    let entity: EntityDescription

    var builder: StatementBuilder { StatementBuilder(entity, maximumValueBytes: 1 << 24) }

    init(
        _ entity: EntityDescription = Fields.item(), model: SQLiteConfiguration.Model = .shared,
        in directory: TemporaryDirectory? = nil, start: Bool = true,
        _ configure: (inout SQLiteConfiguration) -> Void = { _ in }
    ) async throws {
        let directory = try directory ?? TemporaryDirectory()
        var configuration = SQLiteConfiguration(
            path: directory.path + (model == .shared ? "/data.sqlite" : "/data"), model: model)
        configure(&configuration)
        self.directory = directory
        self.entity = entity
        adapter = try SQLiteAdapter(configuration, AdapterEnvironment(logger: Logger(label: "test")))
        if start { try await adapter.start([entity]) }
    }

    var path: String { adapter.configuration.path }

    func shutDown() async { await adapter.shutDown(deadline: .now + .seconds(5)) }

    func batch(_ rows: [[Value]]) throws -> ColumnBatch {
        var batch = ColumnBatch(entity, capacity: rows.count)
        for row in rows { try batch.append(row) }
        return batch
    }

    func item(_ id: Int64, _ name: String? = nil, _ count: Int64? = nil, _ price: String? = nil) -> [Value] {
        let values: [Value] = [
            .int64(id), name.map { .string($0) } ?? .null, count.map { .int64($0) } ?? .null,
            price.flatMap { Decimal(canonicalText: $0) }.map { .decimal($0) } ?? .null,
        ]
        return entity.versionColumn == nil ? values : values + [.int64(1)]
    }

    @discardableResult
    func insert(
        _ rows: [[Value]], _ tenant: TenantContext, atomic: Bool = true, on runner: (any StatementRunner)? = nil
    ) async throws -> WriteResult {
        try await (runner ?? adapter).write(
            builder.write(.insert(try batch(rows)), isAtomic: atomic), in: tenant)
    }

    func ids(query: Query, _ tenant: TenantContext, on runner: (any StatementRunner)? = nil) async throws -> [Int64] {
        var query = query
        if query.sort.isEmpty { query.sort = [Query.Sort("id")] }
        let rows = try await (runner ?? adapter).select(try builder.select(query), in: tenant)
        return try (0..<rows.count).map { try rows.int64($0, 0) }
    }

    func ids(_ filter: Predicate, _ tenant: TenantContext) async throws -> [Int64] {
        try await ids(query: Query(filter: filter), tenant)
    }
}

func tenant(_ id: String, deadline: Duration? = nil) throws -> TenantContext {
    TenantContext(tenant: try TenantID(id), deadline: deadline.map { .now + $0 })
}

/// Whether `body` fails with one of two codes.
func expectAny<R>(
    _ first: TenancyError.Code, _ second: TenancyError.Code, _ location: SourceLocation = #_sourceLocation,
    _ body: () async throws -> R
) async -> TenancyError? {
    do {
        _ = try await body()
        Issue.record("nothing was thrown where \(first) or \(second) was expected", sourceLocation: location)
        return nil
    } catch {
        let error = TenancyError.wrap(error)
        #expect([first, second].contains(error.code), "\(error)", sourceLocation: location)
        return error
    }
}

/// Whether `body` fails with a code.
func expect<R>(
    _ code: TenancyError.Code, _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> R
) async -> TenancyError? {
    do {
        _ = try await body()
        Issue.record("nothing was thrown where \(code) was expected", sourceLocation: location)
    } catch let error as TenancyError {
        #expect(error.code == code, "\(error)", sourceLocation: location)
        return error
    } catch {
        Issue.record("\(error)", sourceLocation: location)
    }
    return nil
}

let models: [SQLiteConfiguration.Model] = [.shared, .filePerTenant]
