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
        let writer = try await checkOutWriter(context)
        do throws(TenancyError) {
            try await run(on: writer, context) { connection throws(TenancyError) in
                try connection.removeRows(of: context.tenant)
            }
            try await forget(writer, context)
            await giveBack(writer, to: writers)
        } catch {
            await giveBack(writer, to: writers)
            throw error
        }
    }

    /// Takes what was removed out of the search indexes and the write-ahead log, where it would stay for a while. What is
    /// done of that stays done if the time is over, so that a repetition goes on from there.
    private func forget(_ writer: Connection, _ context: TenantContext) async throws(TenancyError) {
        let indexes = try await run(on: writer, context) { connection throws(TenancyError) in
            try connection.searchIndexes()
        }
        for index in indexes {
            var begins = true
            while try await !run(
                on: writer, context,
                { [begins] connection throws(TenancyError) in
                    try connection.merge(index, begins: begins)
                })
            {
                begins = false
            }
        }
        // Readers keep the log from being emptied. It is then overwritten as writes go on.
        for _ in 0..<Self.checkpointTries where await !writer.checkpoint() {
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
