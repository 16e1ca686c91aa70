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
    let lifecycle: Lifecycle
    /// Where it is, and whose.
    let place: Place
    private let configuration: SQLiteConfiguration

    /// How long a call waits for a lock that another process holds.
    var busyTimeout: Duration { configuration.busyTimeout }

    /// A file's place.
    struct Place: Sendable {
        var path: String
        /// Whose file it is; `nil` for everyone's.
        var owner: Owner?
        var threads: ConnectionThreads
    }

    /// Whose file it is, and what keeps its removal apart from its opening.
    struct Owner: Sendable {
        var tenant: TenantID
        var locks: FileLocks

        /// The lock under which connections to the file are opened that don't make it.
        fileprivate func lock() async throws(TenancyError) -> FileLocks.Lock {
            try await locks.take(tenant, exclusively: false)
        }

        /// The lock under which the file is opened: an exclusive one if it has to be made, because then nothing of an
        /// older file of that name, whose removal was broken off, may be there.
        fileprivate func lockForOpening(_ place: Place, isReadOnly: Bool) async throws(TenancyError) -> FileLocks.Lock {
            let path = place.path
            let shared = try await locks.take(tenant, exclusively: false)
            // Only what is seen under the lock holds: a removal could end, or die, before it is had.
            if isReadOnly { return shared }
            if await place.threads.run({ access(path, F_OK) == 0 }) { return shared }
            shared.release()
            let exclusive = try await locks.take(tenant, exclusively: true)
            await place.threads.run {
                if access(path, F_OK) != 0 { for suffix in ["-wal", "-shm"] { unlink(path + suffix) } }
            }
            return exclusive
        }
    }

    private init(
        _ place: Place, lane: PointReadLane, writers: ResourcePool<Connection>, readers: ResourcePool<Connection>,
        streamers: ResourcePool<Connection>, _ configuration: SQLiteConfiguration, _ lifecycle: Lifecycle
    ) {
        self.place = place
        self.lane = lane
        self.writers = writers
        self.readers = readers
        self.streamers = streamers
        self.configuration = configuration
        self.lifecycle = lifecycle
    }

    /// Opens a file and brings its tables up to the entities.
    static func open(
        _ place: Place, _ schema: Schema, _ configuration: SQLiteConfiguration, _ lifecycle: Lifecycle
    ) async throws(TenancyError) -> DatabaseFile {
        let lock = try await place.owner?.lockForOpening(place, isReadOnly: configuration.isReadOnly)
        defer { lock?.release() }
        let (path, threads) = (place.path, place.threads)
        let searches = schema.plans.contains { !$0.entity.searchFields.isEmpty }
        let writer = try await Connection.open(path, as: .writer, on: threads, searches: searches, configuration)
        do throws(TenancyError) {
            try await writer.bringUp(schema, tenant: place.owner?.tenant, configuration)
            let pointReader = try await Connection.open(path, as: .pointReader, on: threads, configuration)
            let writers = ResourcePool("the file's writer", maximum: 1) { () throws(TenancyError) in
                try await reopenWriter(place, searches: searches, configuration)
            }
            let readers = ResourcePool("one of the file's readers", maximum: configuration.maximumReaders) {
                () throws(TenancyError) in try await Connection.open(path, as: .reader, on: threads, configuration)
            }
            let streamers = ResourcePool("one of the file's streams", maximum: configuration.maximumStreams) {
                () throws(TenancyError) in try await Connection.open(path, as: .reader, on: threads, configuration)
            }
            writers.adopt(writer)
            return DatabaseFile(
                place, lane: PointReadLane(pointReader, lifecycle, busyTimeout: configuration.busyTimeout),
                writers: writers, readers: readers, streamers: streamers, configuration, lifecycle)
        } catch {
            await writer.close()
            throw error
        }
    }

    /// A writer in place of one that had to be closed.
    private static func reopenWriter(
        _ place: Place, searches: Bool, _ configuration: SQLiteConfiguration
    ) async throws(TenancyError) -> Connection {
        let lock = try await place.owner?.lock()
        defer { lock?.release() }
        let path = place.path
        // A file that was removed must not be made again without its tables.
        let isThere = await place.threads.run { access(path, F_OK) == 0 }
        guard isThere else { throw Connection.removed }
        let writer = try await Connection.open(
            path, as: .writer, on: place.threads, searches: searches, configuration)
        await writer.becomeRunning()
        return writer
    }

    /// Runs work on a connection that is checked out, so that it stops with the calling task or at the deadline.
    func run<Result: Sendable>(
        on connection: Connection, _ context: TenantContext,
        _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let operation = Operation(deadline: context.deadline, lifecycle)
        let result = await withTaskCancellationHandler {
            await connection.runPatiently(operation, for: configuration.busyTimeout, body)
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
        do throws(TenancyError) {
            let streamer = try await streamers.checkOut(in: context)
            do throws(TenancyError) {
                // A stream asks nothing until it is read, which would be too late to find that the file was removed.
                if place.owner != nil {
                    try await run(on: streamer, context) { connection throws(TenancyError) in
                        try connection.control("SELECT count(*) FROM \(SchemaUpdate.metaTable)")
                    }
                }
                return streamer
            } catch {
                await giveBack(streamer, to: streamers)
                throw error
            }
        } catch {
            guard error.code == .timeout else { throw error }
            throw TenancyError(
                .timeout, error.message,
                hint: "Read open streams to their end or let go of them, or raise SQLiteConfiguration.maximumStreams.",
                details: error.details)
        }
    }

    /// The file's writer, to be given back to ``writers``.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/transactionConflict`` if the calling task would wait for itself.
    func checkOutWriter(_ context: TenantContext) async throws(TenancyError) -> Connection {
        try OpenTransaction.refuseWaiting(for: self, context.tenant)
        return try await writers.checkOut(in: context)
    }

    /// Runs work in a transaction that writes.
    func write<Result: Sendable>(
        _ context: TenantContext, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let writer = try await checkOutWriter(context)
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
