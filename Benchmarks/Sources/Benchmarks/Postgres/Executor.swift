#if Postgres
    import Tenancy

    /// Where the calling tasks run.
    struct Executor {
        let name: String
        let executor: (any TaskExecutor)?

        static func all(_ sdk: MultiTenantSDK) -> [Executor] {
            [Executor(name: "global", executor: nil), Executor(name: "sdk", executor: sdk.executor)]
        }
    }
#endif
