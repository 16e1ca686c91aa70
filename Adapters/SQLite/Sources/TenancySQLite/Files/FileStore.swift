import Foundation
import Synchronization
import TenancyCore
import TenancyIO

/// The open files: one for everyone, or one for each tenant in use and for those used last.
///
/// A tenant's file is opened by the first call that needs it; others wait for that. A file that is in use is never
/// closed: when every open file is, one more than the bound is opened, because callers that wait for each other's
/// files could wait for ever.
final class FileStore: Sendable {
    private struct Entry {
        /// Tells the entry from a later one of the same tenant.
        let number: UInt64
        var file: DatabaseFile?
        var opening: [Waiter<DatabaseFile>] = []
        var users = 0
        var lastUse: UInt64 = 0
    }

    private struct State {
        var entries: [TenantID: Entry] = [:]
        /// Entries whose files were removed while they were open, by their numbers, until their last users are done.
        var removed: [UInt64: Entry] = [:]
        var uses: UInt64 = 0
        var closing: [UInt64: Task<Void, Never>] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let configuration: SQLiteConfiguration
    private let schema: Schema
    private let lifecycle: Lifecycle
    private let threads: ConnectionThreads
    private let locks: FileLocks
    /// The one file of the shared model.
    let shared: DatabaseFile?

    private init(
        shared: DatabaseFile?, on threads: ConnectionThreads, _ configuration: SQLiteConfiguration, _ schema: Schema,
        _ lifecycle: Lifecycle
    ) {
        self.shared = shared
        self.configuration = configuration
        self.schema = schema
        self.lifecycle = lifecycle
        self.threads = threads
        locks = FileLocks(
            directory: configuration.path, threads: threads, busyTimeout: configuration.busyTimeout,
            isReadOnly: configuration.isReadOnly)
    }

    /// Opens the shared file, or the directory and in it the file of Tenancy's own records.
    static func open(
        _ configuration: SQLiteConfiguration, _ schema: Schema, _ lifecycle: Lifecycle
    ) async throws(TenancyError) -> FileStore {
        let threads = ConnectionThreads(configuration)
        guard configuration.model == .filePerTenant else {
            let place = DatabaseFile.Place(path: configuration.path, owner: nil, threads: threads)
            let file = try await DatabaseFile.open(place, schema, configuration, lifecycle)
            return FileStore(shared: file, on: threads, configuration, schema, lifecycle)
        }
        let store = FileStore(shared: nil, on: threads, configuration, schema, lifecycle)
        do throws(TenancyError) {
            if !configuration.isReadOnly { try await makeDirectory(configuration.path, threads) }
            store.release(try await store.acquire(TenantContext(tenant: .system)))
            return store
        } catch {
            threads.stop()
            throw error
        }
    }

    private static func makeDirectory(_ path: String, _ threads: ConnectionThreads) async throws(TenancyError) {
        let isMade = await threads.run {
            (try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)) != nil
        }
        guard isMade else {
            throw TenancyError(
                .unavailable, "The directory of the tenants' files can't be made.",
                hint: "Check that the path names no file and that the process may write where the directory is to be.")
        }
    }

    /// Whether the tenant has a file, or shares one.
    func hasFile(of tenant: TenantID) async -> Bool {
        if shared != nil { return true }
        let path = path(of: tenant)
        return await threads.run { access(path, F_OK) == 0 }
    }

    /// The file of a context's tenant, which stays open until ``release(_:)``.
    func acquire(_ context: TenantContext) async throws(TenancyError) -> Lease {
        if let shared { return Lease(file: shared, tenant: context.tenant, number: 0) }
        let tenant = context.tenant
        let waiter = Waiter<DatabaseFile>()
        let (number, file, opens) = try state.withLock { state throws(TenancyError) in
            guard !state.isClosed else { throw Lifecycle.closed }
            state.uses += 1
            let isKnown = state.entries[tenant] != nil
            var entry = state.entries[tenant] ?? Entry(number: state.uses)
            entry.users += 1
            entry.lastUse = state.uses
            if entry.file == nil { entry.opening.append(waiter) }
            state.entries[tenant] = entry
            return (entry.number, entry.file, !isKnown)
        }
        if let file { return Lease(file: file, tenant: tenant, number: number) }
        // A task of its own, because the caller that comes first may be cancelled while others wait with it.
        if opens { Task { await open(tenant) } }
        do throws(TenancyError) {
            let late = TenancyError(
                .timeout, "The deadline passed before the tenant's file was open.", details: .init(tenant: tenant))
            let file = try await waiter.wait(until: context.deadline, late: late)
            return Lease(file: file, tenant: tenant, number: number)
        } catch {
            release(tenant, number)
            throw error
        }
    }

    /// Ends the use of a file.
    func release(_ lease: Lease) {
        if shared == nil { release(lease.tenant, lease.number) }
    }

    /// Ends the use of a file that was removed. The tenant's next call opens another; calls under way end first.
    func abandon(_ lease: Lease) {
        state.withLock { state in
            if let entry = state.entries[lease.tenant], entry.number == lease.number {
                state.entries[lease.tenant] = nil
                state.removed[lease.number] = entry
            }
        }
        release(lease)
    }

    /// How many threads the connections of the files share; `nil` if each has its own.
    var sharedThreads: Int? { threads.sharedCount }

    /// How many files are open or being opened.
    var count: Int { shared == nil ? state.withLock { $0.entries.count } : 1 }

    /// Closes every file.
    func close() async {
        let (files, waiters, closing) = state.withLock { state in
            state.isClosed = true
            defer {
                state.entries = [:]
                state.removed = [:]
            }
            let entries = Array(state.entries.values) + Array(state.removed.values)
            return (entries.compactMap(\.file), entries.flatMap(\.opening), Array(state.closing.values))
        }
        for waiter in waiters { waiter.resume(.failure(Lifecycle.closed)) }
        await shared?.close()
        for file in files { await file.close() }
        for task in closing { await task.value }
        threads.stop()
    }

    private func path(of tenant: TenantID) -> String { configuration.path + "/" + TenantFileName.of(tenant) }

    private func open(_ tenant: TenantID) async {
        let result: Result<DatabaseFile, TenancyError>
        do throws(TenancyError) {
            let place = DatabaseFile.Place(
                path: path(of: tenant), owner: .init(tenant: tenant, locks: locks), threads: threads)
            result = .success(try await DatabaseFile.open(place, schema, configuration, lifecycle))
        } catch {
            result = .failure(error)
        }
        let (waiters, isLate) = state.withLock { state -> ([Waiter<DatabaseFile>], Bool) in
            let waiters = state.entries[tenant]?.opening ?? []
            guard case .success(let file) = result else {
                state.entries[tenant] = nil
                return (waiters, false)
            }
            if state.isClosed { return ([], true) }
            state.entries[tenant]?.opening = []
            state.entries[tenant]?.file = file
            evict(&state)
            return (waiters, false)
        }
        // Those who waited when the store was closed were told so then.
        if isLate, case .success(let file) = result { await file.close() }
        for waiter in waiters { waiter.resume(result) }
    }

    private func release(_ tenant: TenantID, _ number: UInt64) {
        state.withLock { state in
            if let users = state.removed[number]?.users {
                state.removed[number]?.users = users - 1
                if users == 1, let file = state.removed.removeValue(forKey: number)?.file { close(file, &state) }
                return
            }
            // An entry whose file could not be opened is gone, and another may be in its place.
            guard state.entries[tenant]?.number == number else { return }
            state.entries[tenant]?.users -= 1
            evict(&state)
        }
    }

    /// Closes files that are not in use, those first that were not for the longest time, until few enough are open.
    private func evict(_ state: inout State) {
        while state.entries.count > configuration.maximumOpenFiles {
            let idle = state.entries.filter { $0.value.users == 0 && $0.value.file != nil }
            guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }),
                let file = state.entries.removeValue(forKey: oldest.key)?.file
            else { return }
            close(file, &state)
        }
    }

    private func close(_ file: DatabaseFile, _ state: inout State) {
        state.uses += 1
        let number = state.uses
        state.closing[number] = Task { [self] in
            await file.close()
            self.state.withLock { $0.closing[number] = nil }
        }
    }
}

/// The use of an open file by one call.
struct Lease: Sendable {
    let file: DatabaseFile
    fileprivate let tenant: TenantID
    fileprivate let number: UInt64
}
