/// What a C library reported.
struct ServerFailure: Error, CustomStringConvertible {
    let message: String
    /// The server's own code, such as an SQLSTATE.
    let code: String

    init(_ message: String, code: String = "") {
        self.message = message
        self.code = code
    }

    var description: String { code.isEmpty ? message : "\(code): \(message)" }
}

/// The failure of a body that is expected to fail.
func failure(_ body: () throws -> Void) -> ServerFailure? {
    do {
        try body()
        return nil
    } catch {
        return error as? ServerFailure ?? ServerFailure(String(describing: error))
    }
}
