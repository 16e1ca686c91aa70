public import TenancyCore

extension MultiTenantSDK {
    /// Where a task that mostly calls the SDK runs fastest: on the thread that waits for the database and the cache, so that
    /// no call changes threads. For whole request handlers, as long as they don't compute for long.
    ///
    /// ```swift
    /// Task(executorPreference: sdk.executor) { try await handle(request) }
    /// ```
    ///
    /// One thread, whatever the tenant; see ``executor(for:)`` to use all. Where neither database nor cache
    /// has such a place, Swift's global executor.
    public var executor: any TaskExecutor { executor(for: .system) }

    /// As ``executor``, by the tenant that a task is mostly about: tenants are spread over the database's threads.
    public func executor(for tenant: TenantID) -> any TaskExecutor {
        data.adapter.preferredExecutor(for: tenant) ?? data.cache?.adapter.preferredExecutor(for: tenant)
            ?? globalConcurrentExecutor
    }
}
