import TenancyCore
import TenancyIO

extension Engine {
    private static let question = Command(CompiledStatement("SELECT 1", types: []))

    /// Asks the server for nothing, to learn whether it answers.
    func ask(_ context: TenantContext) async throws(TenancyError) {
        if let pipeline = lanes.pipeline(for: context.tenant) {
            let exchange = Exchange([Self.question], loss: .harmless, isRepeatable: true)
            pipeline.submit(exchange)
            _ = try await exchange.answer.value(
                on: pipeline.reactor, until: context.deadline, late: Self.late(context)
            ).checked()
            return
        }
        try await withSession(context) { session throws(TenancyError) in
            _ = try await session.exchange([Self.question], loss: .harmless, in: context).checked()
        }
    }

    /// Ends all connections, those in use at the deadline.
    func close(deadline: ContinuousClock.Instant) async {
        await replicas?.shutDown(deadline: deadline)
        await lanes.close()
        await pool.shutDown(deadline: deadline)
    }
}
