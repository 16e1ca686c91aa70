import Tenancy

/// Where the calling tasks run.
struct Executor {
    let name: String
    let executor: (any TaskExecutor)?

    static func all(_ sdk: MultiTenantSDK) -> [Executor] { all(sdk.executor) }

    /// With the thread that is the tenant's.
    static func all(_ sdk: MultiTenantSDK, for tenant: TenantID) -> [Executor] { all(sdk.executor(for: tenant)) }

    static func all(_ own: (any TaskExecutor)?) -> [Executor] {
        [Executor(name: "global", executor: nil), Executor(name: "sdk", executor: own)]
    }
}
