package import TenancyCore

/// Opens and closes what a pool keeps.
package protocol ConnectionFactory: Sendable {
    /// What is opened.
    associatedtype Connection: Sendable

    /// Connects. The task is cancelled when the pool has lost patience; what is returned after that is closed.
    func open() async throws(TenancyError) -> Connection

    /// Closes, with or without the other side's help, in bounded time: until it returns, the connection counts.
    func close(_ connection: Connection) async

    /// Whether a connection that was given back can be used again.
    func isHealthy(_ connection: Connection) -> Bool
}
