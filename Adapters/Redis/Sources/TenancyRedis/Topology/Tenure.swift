import TenancyCore

/// One master's uninterrupted time in office.
///
/// The number grows with every election and whenever a node is given slots, so a master that comes back is another
/// tenure, under which nothing of the first is found.
struct Tenure: Sendable, Hashable {
    /// The node's id in a cluster; empty with sentinels.
    let node: String
    let endpoint: RedisEndpoint
    /// What a cluster or a set of sentinels calls `config-epoch`.
    let number: UInt64
}

/// How long a client goes by what it was told. Decision 0011 says why these suffice.
enum KnowledgeTime {
    /// For how long a client hands out what arrives after it last asked a question that was answered.
    static let limit = Duration.seconds(4)
    /// How often a client asks.
    static let interval = Duration.seconds(1)
    /// How old an answer may be that counts in the next majority.
    static let freshness = Duration.milliseconds(2_500)
    /// How long a client that learns of something new waits for those who may not know it. Longer than ``limit``, so that
    /// clocks that don't run alike make no difference.
    static let settling = Duration.seconds(6)
}
