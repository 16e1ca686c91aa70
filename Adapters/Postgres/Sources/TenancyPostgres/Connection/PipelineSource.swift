import TenancyCore
import TenancyIO

/// Connections in pipeline mode, for pools and lanes, to the primary or to one replica.
struct PipelineSource: ConnectionFactory {
    let links: LinkFactory
    let reactors: ReactorGroup
    let maximumStatements: Int
    let keepsStatements: Bool
    /// The replica that all connections for statements must lead to; `nil` for the primary.
    var replica: Replica?

    /// A replica, and which server it was when it was last asked.
    struct Replica: Sendable {
        let server: PostgresReplica
        let identity: ServerIdentity
        /// How long a connection may take to say where it leads.
        let patience: Duration
    }

    func open() async throws(TenancyError) -> Pipeline { try await open(on: reactors.next()) }

    /// Opens a connection for statements of tenants.
    func open(on reactor: Reactor) async throws(TenancyError) -> Pipeline {
        guard let replica else { return try await open(.tenants, on: reactor) }
        let pipeline = try await open(.replica(replica.server), on: reactor)
        do throws(TenancyError) {
            let answer = try await pipeline.ask([ServerIdentity.question], until: .now + replica.patience)
            try replica.identity.check(answer.rows())
        } catch {
            await close(pipeline)
            throw error
        }
        return pipeline
    }

    func open(
        _ purpose: ConnectionParameters.Purpose, on reactor: Reactor
    ) async throws(TenancyError) -> Pipeline {
        let link = try await links.open(purpose, on: reactor)
        return try await Pipeline.open(
            link, maximumStatements: maximumStatements, keepsStatements: keepsStatements)
    }

    func close(_ pipeline: Pipeline) async {
        pipeline.close()
        await pipeline.link.closed()
    }

    func isHealthy(_ pipeline: Pipeline) -> Bool { pipeline.load.isIdle }
}
