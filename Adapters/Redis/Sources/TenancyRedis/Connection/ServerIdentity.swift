import TenancyCore

/// Which server it is, and which of its times as a master: what keys carry, so that a server that was restarted or
/// promoted begins empty, whatever it still holds.
///
/// The run id is another after every restart, but the same when a master is demoted and promoted again, and then its
/// data may be an older copy. The replication id is another after every promotion, but not only then: a master that has
/// had no replica for an hour takes another as well. So keys carry both, and ``RedisSession`` sees to it that clients
/// that know the older and the newer one are never at work at the same time. Where a cluster or sentinels number the
/// times in office, keys carry that number too.
struct ServerIdentity: Sendable, Equatable {
    /// The id of the server's process.
    let run: String
    /// What keys carry.
    let epoch: String
    /// ``Tenure/number``; 0 of a server that is no cluster's and that no sentinels watch.
    private let tenure: UInt64

    /// Reads what `INFO server` and `INFO replication` say.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` if the server is no master, or `unsupported` if it does not
    ///   say who it is.
    init(
        server: [Substring: Substring], replication: [Substring: Substring], tenure: UInt64
    ) throws(TenancyError) {
        guard let run = server["run_id"] else { throw Self.unnamed }
        try self.init(run: String(run), replication, tenure)
    }

    /// The identity of the same process in the same tenure, by what `INFO replication` says now.
    func now(replication: [Substring: Substring]) throws(TenancyError) -> ServerIdentity {
        try ServerIdentity(run: run, replication, tenure)
    }

    private init(run: String, _ replication: [Substring: Substring], _ tenure: UInt64) throws(TenancyError) {
        guard replication["role"] == "master" else {
            throw TenancyError(.unavailable, "The server is a replica.", hint: "Name the master as the host.")
        }
        // Both are 160 random bits in hexadecimal digits; 64 of each suffice.
        guard let first = UInt64(run.prefix(16), radix: 16), let id = replication["master_replid"],
            let second = UInt64(id.prefix(16), radix: 16)
        else { throw Self.unnamed }
        self.run = run
        self.tenure = tenure
        let digits = String(
            first ^ (second &* 0x9e37_79b9_7f4a_7c15) ^ (tenure &* 0xc2b2_ae3d_27d4_eb4f), radix: 16)
        epoch = String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static var unnamed: TenancyError {
        TenancyError(
            .unsupported, "The server does not say its run id or its replication id.",
            hint: "Let the user run INFO, and use Redis 6 or newer without a proxy.")
    }

    /// The fields of a section of `INFO`.
    static func fields(_ text: String) -> [Substring: Substring] {
        var fields: [Substring: Substring] = [:]
        // Carriage return and line feed are one character.
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        return fields
    }
}
