/// The one error that Tenancy and its adapters throw.
///
/// Switch over ``code``; show ``hint`` to whoever can act on it. No rendering of an error holds a value from a
/// query, a record or a credential: messages name tenants, entities, fields and constraints only.
public struct TenancyError: Error, Sendable {
    // A box, so that an error is one word wide wherever a typed throw or a result carries it.
    private final class Storage: Sendable {
        let code: Code
        let message: String
        let hint: String
        let details: Details

        init(code: Code, message: String, hint: String, details: Details) {
            self.code = code
            self.message = message
            self.hint = hint
            self.details = details
        }
    }

    /// Where an error happened, as far as it is known.
    public struct Details: Sendable, Hashable {
        /// The tenant on whose behalf the call was made.
        public var tenant: TenantID?
        /// The entity's name.
        public var entity: String?
        /// The field's name.
        public var field: String?
        /// The constraint's name in the database.
        public var constraint: String?
        /// The position, from 0, of the row that failed in a bulk call.
        public var row: Int?
        /// The backend's own code, such as an SQLSTATE or an SQLite result code.
        public var backendCode: String?

        /// Details of which nothing is known but what is passed.
        public init(
            tenant: TenantID? = nil, entity: String? = nil, field: String? = nil, constraint: String? = nil,
            row: Int? = nil, backendCode: String? = nil
        ) {
            self.tenant = tenant
            self.entity = entity
            self.field = field
            self.constraint = constraint
            self.row = row
            self.backendCode = backendCode
        }
    }

    private let storage: Storage

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: What happened, without values.
    ///   - hint: What the reader can do about it; the code's own hint if `nil`.
    ///   - details: Where it happened.
    public init(_ code: Code, _ message: String, hint: String? = nil, details: Details = Details()) {
        var details = details
        // The reserved tenant's id is not given out, so that nobody can act in its name.
        if details.tenant == .system { details.tenant = nil }
        storage = Storage(code: code, message: message, hint: hint ?? code.defaultHint, details: details)
    }

    /// The kind of failure.
    public var code: Code { storage.code }
    /// What happened, without values.
    public var message: String { storage.message }
    /// What can be done about it.
    public var hint: String { storage.hint }
    /// Where it happened.
    public var details: Details { storage.details }

    /// Whether the same call may succeed when it is made again, unchanged.
    ///
    /// A write that failed with ``Code/unavailable`` may have arrived: repeat it only if it is idempotent.
    public var isRetryable: Bool { storage.code.isRetryable }

    /// A copy with details changed, for a layer that knows more than the one that threw.
    public func with(_ change: (inout Details) -> Void) -> TenancyError {
        var details = storage.details
        change(&details)
        return TenancyError(storage.code, storage.message, hint: storage.hint, details: details)
    }

    /// Any error as a `TenancyError`: itself, or a cancellation, or else `fallback` with the error's type named.
    ///
    /// The text of a foreign error is left out, because nothing proves that it holds no values.
    public static func wrap(_ error: any Error, as fallback: Code = .backendFailure) -> TenancyError {
        if let error = error as? TenancyError { return error }
        if error is CancellationError { return TenancyError(.cancelled, "The calling task was cancelled.") }
        return TenancyError(fallback, "An error of type \(type(of: error)) was thrown below.")
    }
}

extension TenancyError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Code, message, place and hint on one line.
    public var description: String {
        var text = "[\(code.name)] \(message)"
        let place = [
            ("tenant", details.tenant?.rawValue), ("entity", details.entity), ("field", details.field),
            ("constraint", details.constraint), ("row", details.row.map(String.init)), ("backend", details.backendCode),
        ].compactMap { name, value in value.map { "\(name): \($0)" } }
        if !place.isEmpty { text += " (\(place.joined(separator: ", ")))" }
        return text + " Hint: \(hint)"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// No children, so that `dump` prints the description alone.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
