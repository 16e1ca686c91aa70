import TenancyCore
import TenancyIO

/// Connections in pipeline mode, for pools and lanes.
struct PipelineSource: ConnectionFactory {
    let links: LinkFactory
    let reactors: ReactorGroup
    let maximumStatements: Int
    let keepsStatements: Bool

    func open() async throws(TenancyError) -> Pipeline { try await open(.tenants, on: reactors.next()) }

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
