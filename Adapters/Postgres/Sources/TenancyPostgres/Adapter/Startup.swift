import TenancyCore
import TenancyIO

/// Brings tables up to the entities, as the role that owns them, and proves that tenants are kept apart, as the role
/// that statements run under.
struct Startup {
    private let configuration: PostgresConfiguration
    private let library: StatementLibrary
    private let source: PipelineSource
    private let isolation: Isolation
    private let binder: Binder
    /// How many statements of a migration are sent together.
    private static let stepsPerExchange = 64

    init(_ configuration: PostgresConfiguration, _ library: StatementLibrary, _ source: PipelineSource) {
        self.configuration = configuration
        self.library = library
        self.source = source
        binder = Binder(configuration)
        isolation = binder.isolation
    }

    func run() async throws(TenancyError) {
        if configuration.migration != nil {
            let pipeline = try await source.open(.migration, on: source.reactors.next())
            do throws(TenancyError) { try await use(pipeline, migrate) } catch {
                throw error.asOfMigration(schema: configuration.schema, role: configuration.migration?.user)
            }
        }
        try await prove()
    }

    /// Proves on the server that the source's connections lead to that tenants are kept apart, as the role that
    /// statements run under.
    ///
    /// - Parameter limit: Until when the server may take to answer.
    func prove(until limit: ContinuousClock.Instant? = nil) async throws(TenancyError) {
        try await use(try await source.open()) { pipeline throws(TenancyError) in
            // In one exchange with the binding, so that it is asked under the role that statements run under.
            let question = Command(question, isNamed: false)
            let answer = try await pipeline.ask([binder.proof, question], until: limit)
            let catalogue = try Catalogue(answer.rows())
            if configuration.migration == nil {
                let steps = try update(catalogue).steps()
                if !steps.isEmpty { throw SchemaUpdate.missing(steps) }
            }
            try IsolationProof(library.plans, catalogue, isolation: isolation).check()
        }
    }

    private func use(
        _ pipeline: Pipeline, _ body: (Pipeline) async throws(TenancyError) -> Void
    ) async throws(TenancyError) {
        do throws(TenancyError) { try await body(pipeline) } catch {
            await source.close(pipeline)
            throw error
        }
        await source.close(pipeline)
    }

    private var question: BoundStatement {
        Catalogue.question(
            library.plans, schema: configuration.schema, role: isolation.role ?? configuration.user)
    }

    private func update(_ catalogue: Catalogue) -> SchemaUpdate {
        SchemaUpdate(library.plans, catalogue, isolation: isolation, user: configuration.user)
    }

    /// One transaction, which closing the connection undoes if it is not committed.
    private func migrate(_ pipeline: Pipeline) async throws(TenancyError) {
        try await pipeline.ask([.begin, Command(text: SchemaUpdate.lock)])
        // Not before: who migrates at the same time is waited for. But a table that somebody uses is not, because all who
        // come after would wait behind this.
        if let bound = configuration.lockTimeout {
            try await pipeline.ask([
                Command(text: "SET LOCAL lock_timeout = \(ConnectionParameters.milliseconds(bound))")
            ])
        }
        let answer = try await pipeline.ask([Command(question, isNamed: false)])
        var texts: [Command] = []
        for step in try update(Catalogue(answer.rows())).steps() {
            switch step {
            case .run(let text):
                texts.append(Command(text: text))
                if texts.count == Self.stepsPerExchange { try await change(pipeline, &texts) }
            case .fill(let backfill):
                try await change(pipeline, &texts)
                try await fill(backfill, pipeline)
            }
        }
        try await change(pipeline, &texts)
        try await pipeline.ask([.commit])
    }

    private func change(_ pipeline: Pipeline, _ texts: inout [Command]) async throws(TenancyError) {
        guard !texts.isEmpty else { return }
        do throws(TenancyError) { try await pipeline.ask(texts) } catch { throw SchemaComparison.error(error) }
        texts = []
    }

    private func fill(_ backfill: SearchBackfill, _ pipeline: Pipeline) async throws(TenancyError) {
        try await pipeline.ask([Command(text: backfill.declare)])
        while true {
            let rows = try await pipeline.ask([Command(text: backfill.fetch, isKept: true)]).rows()
            guard let update = try backfill.update(rows) else { break }
            try await pipeline.ask([Command(update)])
        }
        try await pipeline.ask([Command(text: backfill.close)])
    }
}

extension Pipeline {
    /// Sends commands and waits for their answer, where nothing else is under way.
    ///
    /// - Throws: ``TenancyError``, also for a command that failed. Whoever gave up before the answer came must close the
    ///   connection.
    @discardableResult
    nonisolated func ask(
        _ commands: [Command], until limit: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> Answer {
        let exchange = Exchange(commands, loss: .harmless)
        submit(exchange)
        let late = TenancyError(.timeout, "The server did not answer in time.")
        return try await exchange.answer.value(on: reactor, until: limit, late: late).checked()
    }
}
