extension TenancyError {
    /// A kind of failure: stable, and safe as the dimension of a metric.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidTenantID, tenantNotFound, tenantSuspended, tenantDeleted, tenantAlreadyExists, tenantMismatch
            case entityNotRegistered, unknownField, typeMismatch, invalidValue, valueTooLarge
            case schemaInvalid, schemaConflict, invalidQuery, invalidCursor, invalidConfiguration, unsupported
            case notFound, uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation, staleVersion
            case serializationFailure, deadlock, timeout, cancelled, unavailable, locked, transactionClosed
            case transactionConflict
            case storageFull, readOnly, corrupted, isolationUnproven, cacheUnavailable, sinkUnavailable
            case shutDown, backendFailure, outcomeUnknown
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The code's name, such as `uniqueViolation`.
        public var name: String { kind.rawValue }

        /// The same as ``name``.
        public var description: String { kind.rawValue }

        /// A tenant id that is empty, too long or holds a character outside the allowed set.
        public static let invalidTenantID = Code(.invalidTenantID)
        /// No tenant of that id is in the registry.
        public static let tenantNotFound = Code(.tenantNotFound)
        /// The tenant exists and takes no calls until it is resumed.
        public static let tenantSuspended = Code(.tenantSuspended)
        /// The tenant was deleted.
        public static let tenantDeleted = Code(.tenantDeleted)
        /// A tenant of that id is, or was, in the registry.
        public static let tenantAlreadyExists = Code(.tenantAlreadyExists)
        /// Something bound to one tenant was used for another.
        public static let tenantMismatch = Code(.tenantMismatch)
        /// The entity is not among those that the SDK was configured with.
        public static let entityNotRegistered = Code(.entityNotRegistered)
        /// The entity has no field of that name.
        public static let unknownField = Code(.unknownField)
        /// A value's type is not the field's type.
        public static let typeMismatch = Code(.typeMismatch)
        /// A value that no database can hold exactly, such as NaN or text with a NUL character.
        public static let invalidValue = Code(.invalidValue)
        /// A value, a batch or a page over its limit.
        public static let valueTooLarge = Code(.valueTooLarge)
        /// An entity's declaration contradicts itself.
        public static let schemaInvalid = Code(.schemaInvalid)
        /// What is in the database can't become what the entity declares without losing something.
        public static let schemaConflict = Code(.schemaConflict)
        /// A query that has no meaning, such as a sum over text.
        public static let invalidQuery = Code(.invalidQuery)
        /// A cursor that was altered, or made for another tenant or another query.
        public static let invalidCursor = Code(.invalidCursor)
        /// A setting that is unknown, missing, out of range or contradicts another.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// The adapter has declared that it can't do this.
        public static let unsupported = Code(.unsupported)
        /// No record has that key, or the tenant may not see it; the two can't be told apart.
        public static let notFound = Code(.notFound)
        /// Another record of the tenant has the same key or the same unique value.
        public static let uniqueViolation = Code(.uniqueViolation)
        /// A reference to a record that is not there, or the removal of one that is referred to.
        public static let foreignKeyViolation = Code(.foreignKeyViolation)
        /// A check constraint of the database refused the record.
        public static let checkViolation = Code(.checkViolation)
        /// A field that must have a value had none.
        public static let notNullViolation = Code(.notNullViolation)
        /// The record was changed since it was read.
        public static let staleVersion = Code(.staleVersion)
        /// Concurrent transactions could not be put in an order.
        public static let serializationFailure = Code(.serializationFailure)
        /// The database ended this transaction to resolve a deadlock.
        public static let deadlock = Code(.deadlock)
        /// A deadline passed.
        public static let timeout = Code(.timeout)
        /// The calling task was cancelled.
        public static let cancelled = Code(.cancelled)
        /// The backend can't be reached.
        public static let unavailable = Code(.unavailable)
        /// Another user of the database holds the lock that this call needs.
        public static let locked = Code(.locked)
        /// The transaction that this call belongs to has ended.
        public static let transactionClosed = Code(.transactionClosed)
        /// A call made inside a transaction, but not by it, would wait for that transaction for ever.
        public static let transactionConflict = Code(.transactionConflict)
        /// The disk or the quota is full.
        public static let storageFull = Code(.storageFull)
        /// The database takes no writes.
        public static let readOnly = Code(.readOnly)
        /// The database, a stored value or a file is damaged.
        public static let corrupted = Code(.corrupted)
        /// The adapter could not prove that tenants are isolated, and refused to start.
        public static let isolationUnproven = Code(.isolationUnproven)
        /// The cache can't be reached and the write policy demands it.
        public static let cacheUnavailable = Code(.cacheUnavailable)
        /// An analytics sink refused a batch.
        public static let sinkUnavailable = Code(.sinkUnavailable)
        /// The SDK is shutting down or has shut down.
        public static let shutDown = Code(.shutDown)
        /// The backend was lost before it acknowledged a write, which may have taken effect. Not to be repeated unless
        /// the write is idempotent.
        public static let outcomeUnknown = Code(.outcomeUnknown)
        /// The backend failed in a way that no other code names.
        public static let backendFailure = Code(.backendFailure)

        var isRetryable: Bool {
            switch kind {
            case .serializationFailure, .deadlock, .timeout, .unavailable, .locked, .cacheUnavailable, .sinkUnavailable:
                true
            default: false
            }
        }

        var defaultHint: String {
            switch kind {
            case .invalidTenantID: TenantID.rule
            case .tenantNotFound: "Create the tenant first with sdk.tenants.create(…), or check the id."
            case .tenantSuspended: "Resume it with sdk.tenants.resume(…)."
            case .tenantDeleted, .tenantAlreadyExists: "The id of a tenant is never given out again; choose another."
            case .tenantMismatch: "Use handles, cursors and transactions only for the tenant they were made for."
            case .entityNotRegistered: "Add the entity to SDKConfig.entities."
            case .unknownField: "Use a field that the entity's schema declares."
            case .typeMismatch: "Pass a value of the field's declared type."
            case .invalidValue: "Pass a value that every database can hold exactly."
            case .valueTooLarge: "Pass less at once, or raise the limit in SDKConfig.limits."
            case .schemaInvalid: "Correct the entity's schema."
            case .schemaConflict: "Write a migration, or make the new field optional or give it a default."
            case .invalidQuery: "Correct the query."
            case .invalidCursor: "Begin again at the first page."
            case .invalidConfiguration: "Correct the named setting."
            case .unsupported: "Ask DatabaseAdapter.capabilities first."
            case .notFound: "Check the key."
            case .uniqueViolation: "Use another key or value, or upsert."
            case .foreignKeyViolation: "Write the record that is referred to first."
            case .checkViolation, .notNullViolation: "Correct the record."
            case .staleVersion: "Read the record again, repeat the change, and update."
            case .serializationFailure, .deadlock: "Repeat the transaction."
            case .timeout: "Allow more time, or ask for less."
            case .cancelled: "Nothing; the caller asked for it."
            case .unavailable: "Check that the server runs and can be reached, then repeat."
            case .locked: "Repeat; if it stays so, find who holds the lock."
            case .transactionClosed: "Use a transaction only inside its closure."
            case .transactionConflict: "Make the call by the transaction, or after it."
            case .storageFull: "Free some space, then repeat."
            case .readOnly: "Check the file's permissions, or use the primary."
            case .corrupted: "Restore from a backup."
            case .isolationUnproven: "Correct the roles or policies that the message names."
            case .cacheUnavailable: "Check the cache, or choose another write policy."
            case .sinkUnavailable: "Check the sink; the batch is kept and sent again."
            case .shutDown: "Make no calls after shutdown."
            case .outcomeUnknown: "Read what was to be written, and repeat the write if it is not there."
            case .backendFailure: "See the backend's own code and its log."
            }
        }
    }
}
