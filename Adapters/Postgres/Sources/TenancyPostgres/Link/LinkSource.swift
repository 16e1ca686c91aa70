internal import CLibpq
import TenancyCore
import TenancyIO

/// Links for a ``ConnectionPool``: for one purpose, on reactors in turn.
struct LinkSource: ConnectionFactory {
    let factory: LinkFactory
    let purpose: ConnectionParameters.Purpose
    let reactors: ReactorGroup

    func open() async throws(TenancyError) -> PostgresLink { try await factory.open(purpose, on: reactors.next()) }

    func close(_ link: PostgresLink) async { await link.closed() }

    /// Whether it is open and between transactions. Whoever gave it back uses it no longer, so that libpq can be asked
    /// from any thread.
    func isHealthy(_ link: PostgresLink) -> Bool {
        !link.isClosed && PQstatus(link.handle) == CONNECTION_OK
            && PQtransactionStatus(link.handle) == PQTRANS_IDLE
    }
}
