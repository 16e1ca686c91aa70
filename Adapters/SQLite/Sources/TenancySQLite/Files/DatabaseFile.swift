import Foundation
import TenancyCore
import TenancyIO

/// One open file: a connection that writes, one for point reads, one for each open stream, and a few for everything
/// else.
final class DatabaseFile: Sendable {
    let lane: PointReadLane
    let writers: ResourcePool<Connection>
    let readers: ResourcePool<Connection>
    /// A stream keeps its connection for as long as its consumer takes, so that it must not be one that queries need.
    let streamers: ResourcePool<Connection>
    private let configuration: SQLiteConfiguration
    let lifecycle: Lifecycle

    private init(
        lane: PointReadLane, writers: ResourcePool<Connection>, readers: ResourcePool<Connection>,
        streamers: ResourcePool<Connection>, _ configuration: SQLiteConfiguration, _ lifecycle: Lifecycle
    ) {
        self.lane = lane
        self.writers = writers
        self.readers = readers
        self.streamers = streamers
        self.configuration = configuration
        self.lifecycle = lifecycle
    }

    /// Opens a file and brings its tables up to the entities.
    ///
    /// - Parameter tenant: Whose file it is; `nil` for everyone's.
    static func open(
        _ path: String, tenant: TenantID?, _ schema: Schema, _ configuration: SQLiteConfiguration,
        _ lifecycle: Lifecycle
    ) async throws(TenancyError) -> DatabaseFile {
        let searches = schema.plans.contains { !$0.entity.searchFields.isEmpty }
        let writer = try await Connection.open(path, as: .writer, searches: searches, configuration)
        do throws(TenancyError) {
            try await writer.bringUp(schema, tenant: tenant, configuration)
            let pointReader = try await Connection.open(path, as: .pointReader, configuration)
            let writers = ResourcePool("the file's writer", maximum: 1) { () throws(TenancyError) in
                try await Connection.open(path, as: .writer, searches: searches, configuration)
            }
            let readers = ResourcePool("one of the file's readers", maximum: configuration.maximumReaders) {
                () throws(TenancyError) in try await Connection.open(path, as: .reader, configuration)
            }
            let streamers = ResourcePool("one of the file's streams", maximum: configuration.maximumStreams) {
                () throws(TenancyError) in try await Connection.open(path, as: .reader, configuration)
            }
            writers.adopt(writer)
            return DatabaseFile(
                lane: PointReadLane(pointReader, lifecycle, busyTimeout: configuration.busyTimeout),
                writers: writers, readers: readers, streamers: streamers, configuration, lifecycle)
        } catch {
            await writer.close()
            throw error
        }
    }

    /// Runs work on a connection that is checked out, so that it stops with the calling task or at the deadline.
    func run<Result: Sendable>(
        on connection: Connection, _ context: TenantContext,
        _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let operation = Operation(deadline: context.deadline, lifecycle)
        let result = await withTaskCancellationHandler {
            await connection.run(operation, body)
        } onCancel: {
            operation.cancel()
        }
        do throws(TenancyError) { return try result.get() } catch { throw error.with { $0.tenant = context.tenant } }
    }

    /// Runs work on a reader of its own.
    func read<Result: Sendable>(
        _ context: TenantContext, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let reader = try await readers.checkOut(in: context)
        do throws(TenancyError) {
            let result = try await run(on: reader, context, body)
            await giveBack(reader, to: readers)
            return result
        } catch {
            await giveBack(reader, to: readers)
            throw error
        }
    }

    /// A connection for a stream, to be given back to ``streamers``.
    func checkOutForStream(_ context: TenantContext) async throws(TenancyError) -> Connection {
        do throws(TenancyError) { return try await streamers.checkOut(in: context) } catch {
            guard error.code == .timeout else { throw error }
            throw TenancyError(
                .timeout, error.message,
                hint: "Read open streams to their end or let go of them, or raise SQLiteConfiguration.maximumStreams.",
                details: error.details)
        }
    }

    /// Runs work in a transaction that writes.
    func write<Result: Sendable>(
        _ context: TenantContext, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let writer = try await writers.checkOut(in: context)
        do throws(TenancyError) {
            let result = try await run(on: writer, context) { connection throws(TenancyError) in
                try connection.inTransaction { () throws(TenancyError) in try body(connection) }
            }
            await giveBack(writer, to: writers)
            return result
        } catch {
            await giveBack(writer, to: writers)
            throw error
        }
    }

    /// Gives a connection back that has no transaction under way; one that has is closed, because nobody knows what
    /// state it is in.
    func giveBack(_ connection: Connection, to pool: ResourcePool<Connection>) async {
        if !connection.isClean {
            await connection.close()
            pool.discard()
        } else if !pool.checkIn(connection) {
            await connection.close()
        }
    }

    /// Closes every connection. The writer goes last and empties the write-ahead log.
    func close() async {
        for reader in readers.close() + streamers.close() { await reader.close() }
        await lane.connection.close()
        for writer in writers.close() {
            if !configuration.isReadOnly { await writer.checkpoint() }
            await writer.close()
        }
    }
}
