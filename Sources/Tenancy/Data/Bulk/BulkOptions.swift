public import TenancyCore

/// How a bulk write is done.
public struct BulkOptions: Sendable {
    /// What a failing record undoes.
    public struct Atomicity: Sendable, Hashable {
        enum Scope: Sendable { case whole, batch, row }
        let scope: Scope

        /// Everything: the call throws, and nothing was written. One transaction holds the whole call.
        ///
        /// A database without transactions refuses it with ``TenancyError/Code/unsupported`` before anything is sent.
        /// Within a transaction the call is a savepoint, after whose failure the transaction goes on as if the call had
        /// not been made; on a database without savepoints the transaction can't be committed then, and throws
        /// ``TenancyError/Code/transactionClosed`` at its end.
        public static let whole = Atomicity(scope: .whole)
        /// Its batch: the others are written, and the result says which was not.
        public static let batch = Atomicity(scope: .batch)
        /// Itself: the others are written, and the result says which was not.
        public static let row = Atomicity(scope: .row)
    }

    /// How many records are sent at a time. Default 1,000.
    public var batchSize = 1_000
    /// What a failing record undoes. Default everything.
    public var atomicity = Atomicity.whole
    /// Called after each batch, on the caller's executor.
    public var progress: (@Sendable (BulkProgress) -> Void)?

    /// The defaults.
    public init() {}

    /// Options for a bulk write.
    public init(
        batchSize: Int = 1_000, atomicity: Atomicity = .whole, progress: (@Sendable (BulkProgress) -> Void)? = nil
    ) {
        self.batchSize = batchSize
        self.atomicity = atomicity
        self.progress = progress
    }
}

/// How far a bulk write is.
public struct BulkProgress: Sendable, Hashable {
    /// How many records were taken from the input.
    public let processed: Int
    /// How many of them failed, or shared a batch with one that did.
    public let failed: Int
    /// How many records there are; `nil` if the input doesn't tell before its end.
    public let total: Int?
}

/// What a bulk write did.
public struct BulkResult: Sendable {
    /// How many records were written or removed.
    public internal(set) var affected = 0
    /// The records that failed, by their position in the input, and why. With ``BulkOptions/Atomicity/batch``, the one
    /// record of each unwritten batch that failed first.
    public internal(set) var failures: [RowFailure] = []
    /// With ``BulkOptions/Atomicity/batch``, the positions in the input of the batches that were not written.
    public internal(set) var unwritten: [Range<Int>] = []
}
