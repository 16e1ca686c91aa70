import TenancyCore

extension DatabaseFile {
    /// Removes everything that a tenant has: the whole file if it is the tenant's.
    func removeAll(_ context: TenantContext) async throws(TenancyError) {
        guard let owner = place.owner else { return try await removeRows(context) }
        let writer = try await checkOutWriter(context)
        do throws(TenancyError) {
            let lock = try await owner.locks.take(owner.tenant, exclusively: true, until: context.deadline)
            defer { lock.release() }
            try await run(on: writer, context) { [path = place.path] connection throws(TenancyError) in
                try connection.removeFile(path)
            }
            await giveBack(writer, to: writers)
        } catch {
            await giveBack(writer, to: writers)
            throw error
        }
    }

    private func removeRows(_ context: TenantContext) async throws(TenancyError) {
        // In steps, between which other tenants write, and of which none is undone if the time is over or the process
        // dies: a repetition goes on from there.
        let tables = try await write(context) { connection throws(TenancyError) in try connection.tenantTables() }
        for table in tables {
            var hasMore = true
            while hasMore {
                hasMore = try await write(context) { connection throws(TenancyError) in
                    try connection.removeSomeRows(of: context.tenant, from: table)
                }
            }
        }
        try await forget(context)
    }

    /// Takes what was removed out of the search indexes and the write-ahead log, where it would stay for a while.
    private func forget(_ context: TenantContext) async throws(TenancyError) {
        let indexes = try await write(context) { connection throws(TenancyError) in try connection.searchIndexes() }
        for index in indexes {
            var begins = true
            var isMerged = false
            while !isMerged {
                isMerged = try await write(context) { [begins] connection throws(TenancyError) in
                    try connection.merge(index, begins: begins)
                }
                begins = false
            }
        }
        // Readers keep the log from being emptied. It is then overwritten as writes go on.
        for _ in 0..<Self.checkpointTries {
            let writer = try await checkOutWriter(context)
            let isDone = await writer.checkpoint()
            await giveBack(writer, to: writers)
            if isDone { return }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private static var checkpointTries: Int { 10 }

    /// Whether an error means that the file was removed since it was opened, by this process or another, so that the call
    /// that met it has done nothing and can be repeated on a new file.
    func wasRemoved(_ error: TenancyError) async -> Bool {
        guard place.owner != nil,
            [.backendFailure, .unavailable, .corrupted, .readOnly, .schemaConflict].contains(error.code)
        else { return false }
        return await lane.connection.runToTheEnd { connection in !connection.isInPlace }
    }
}
