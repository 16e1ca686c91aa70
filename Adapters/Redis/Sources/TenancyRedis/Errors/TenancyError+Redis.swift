import TenancyCore

extension TenancyError {
    /// The error of a command that the server refused.
    ///
    /// - Parameter word: The first word of the server's text; the rest may hold keys and values, and is not kept.
    init(redis word: String, tenant: TenantID? = nil) {
        let (code, message, hint) = Self.meaning(of: word)
        self.init(code, message, hint: hint, details: .init(tenant: tenant, backendCode: word))
    }

    /// The error of a call while there is no connection.
    ///
    /// - Parameter reason: Why there is none.
    init(offline reason: TenancyError) {
        self.init(
            .unavailable, "There is no connection to the server. " + reason.message, hint: reason.hint,
            details: reason.details)
    }

    private static func meaning(of word: String) -> (Code, String, hint: String?) {
        switch word {
        case "NOAUTH", "WRONGPASS":
            (
                .invalidConfiguration, "The server refused the user or the password.",
                "Check the user, the password, and the server's ACL."
            )
        case "NOPERM":
            (
                .invalidConfiguration, "The user may not run a command that the cache needs.",
                "Grant the user the keys mt_sdk:* and the commands that docs/redis.md names."
            )
        case "OOM":
            (
                .storageFull, "The server has reached its maxmemory and may not evict anything.",
                "Raise maxmemory, or set maxmemory-policy to volatile-lru."
            )
        case "READONLY", "MASTERDOWN": (.unavailable, "The server is a replica.", "Name the master as the host.")
        case "LOADING": (.unavailable, "The server is still loading its data.", nil)
        case "BUSY": (.unavailable, "The server is busy with a script.", nil)
        case "MISCONF": (.unavailable, "The server takes no writes because it can't save its data.", nil)
        case "CLUSTERDOWN":
            (
                .unavailable, "The cluster does not serve the key's slot.",
                "Check that more than half of its masters run, and that every slot has one: CLUSTER INFO."
            )
        case "MOVED", "ASK", "TRYAGAIN": (.unavailable, "The key's slot is being given to another master.", nil)
        default: (.backendFailure, "Redis refused a command.", nil)
        }
    }
}
