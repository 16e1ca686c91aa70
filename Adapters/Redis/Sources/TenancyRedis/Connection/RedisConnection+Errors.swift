import TenancyCore

extension RedisConnection {
    static var connectTimeout: TenancyError {
        TenancyError(
            .timeout, "Connecting to the server took longer than connectTimeout.",
            hint: "Check the address and the network, or allow more time.",
            details: .init(backendCode: "connectTimeout"))
    }

    static var commandTimeout: TenancyError {
        TenancyError(
            .timeout, "The server's reply took longer than commandTimeout.",
            hint: "Look for slow commands on the server, or allow more time.",
            details: .init(backendCode: "commandTimeout"))
    }

    static var idleTimeout: TenancyError {
        TenancyError(
            .timeout, "The server sent nothing for idleTimeout, although it owed replies; the connection was closed.",
            hint: "Check the server and the network.", details: .init(backendCode: "idleTimeout"))
    }

    static var malformed: TenancyError {
        TenancyError(
            .backendFailure, "The server sent something that is no reply.",
            hint: "Check that the port is a Redis server's, and whether it expects TLS.")
    }

    static var unknownServer: TenancyError {
        TenancyError(.unavailable, "The server has not said for too long who it is; the connection was closed.")
    }

    static var tooManyCalls: TenancyError {
        TenancyError(
            .unavailable, "More than maximumWaitingCalls calls wait for the server.",
            hint: "Look for what slows the server down, or call it less.",
            details: .init(backendCode: "maximumWaitingCalls"))
    }
}
