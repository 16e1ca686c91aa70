import Crypto
import TenancyCore

/// A query whose rows may be cached: how it is run, of which types its columns are, and what it is called.
struct ResultQuery: Sendable {
    enum Statement: Sendable {
        case select(SelectStatement)
        case aggregate(AggregateStatement)
        case search(SearchStatement)
    }

    let statement: Statement
    /// The types of a row's columns.
    let types: [FieldType]
    /// What tells it from other queries of the entity, in the same bytes in every process.
    private let content: CanonicalWriter

    /// A selection.
    ///
    /// - Parameters:
    ///   - filter: What the statement's condition was made from.
    ///   - keyset: What it was made from beside that.
    init(_ statement: SelectStatement, filter: Predicate, after keyset: Predicate? = nil) {
        let shape = statement.shape
        self.statement = .select(statement)
        types = shape.columns.map { shape.entity.fields[$0].type }
        var writer = CanonicalWriter()
        writer.write("select")
        writer.write(shape.columns.map(String.init).joined(separator: ","))
        writer.write(filter)
        writer.write(keyset ?? .always)
        for term in shape.order { writer.write("\(term.column)\(term.direction == .ascending ? "+" : "-")") }
        writer.write(statement.limit.map(String.init) ?? "all")
        content = writer
    }

    /// Figures.
    init(_ statement: AggregateStatement, filter: Predicate) {
        let shape = statement.shape
        self.statement = .aggregate(statement)
        types =
            shape.groupBy.map { shape.entity.fields[$0].type }
            + shape.figures.map { figure in
                figure.kind == .count ? .int64 : figure.column.map { shape.entity.fields[$0].type } ?? .int64
            }
        var writer = CanonicalWriter()
        writer.write("aggregate")
        writer.write(shape.groupBy.map(String.init).joined(separator: ","))
        writer.write(filter)
        for figure in shape.figures {
            writer.write("\(figure.kind.name) \(figure.column.map(String.init) ?? "*")")
        }
        content = writer
    }

    /// A search for a text.
    init(_ statement: SearchStatement, _ text: String, filter: Predicate) {
        let shape = statement.shape
        self.statement = .search(statement)
        types = shape.entity.fields.map(\.type) + [.double]
        var writer = CanonicalWriter()
        writer.write("search")
        writer.write(text)
        writer.write(filter)
        writer.write("\(shape.requiresAllWords) \(shape.lastWordIsPrefix) \(statement.limit)")
        content = writer
    }

    /// What it is called in the cache. By a digest that nobody can find another query to, because who may choose a value
    /// may choose what others of the tenant are shown.
    var key: CacheKey {
        let digest = SHA256.hash(data: content.bytes).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return CacheName.result(entity, digest: digest.joined())
    }

    var entity: EntityDescription {
        switch statement {
        case .select(let statement): statement.shape.entity
        case .aggregate(let statement): statement.shape.entity
        case .search(let statement): statement.shape.entity
        }
    }

    func run(on runner: any StatementRunner, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        switch statement {
        case .select(let statement): try await runner.select(statement, in: context)
        case .aggregate(let statement): try await runner.aggregate(statement, in: context)
        case .search(let statement): try await runner.search(statement, in: context)
        }
    }
}

extension AggregateFunction.Kind {
    fileprivate var name: String {
        switch self {
        case .count: "count"
        case .sum: "sum"
        case .minimum: "minimum"
        case .maximum: "maximum"
        }
    }
}
