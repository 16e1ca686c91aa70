import TenancyCore

/// The names under which one tenant's entries stand on one server: `mt_sdk:tenant:id:epoch:key`, and in a cluster
/// `mt_sdk:tenant:id:epoch:{tag}key`.
///
/// An id holds no colon and no brace, so no tenant's names begin with another's. The epoch is the server's, so that a
/// server that was restarted or promoted begins empty. The tag is what decides on the slot: ``HashSlot``.
struct RedisKeys {
    /// What all names of the tenant's entries on this server begin with.
    let prefix: [UInt8]
    private let tenant: TenantID

    init(_ tenant: TenantID, _ identity: ServerIdentity) {
        var prefix: [UInt8] = []
        prefix.reserveCapacity(34 + tenant.rawValue.utf8.count)
        Self.append(tenant, to: &prefix)
        prefix.append(contentsOf: identity.epoch.utf8)
        prefix.append(UInt8(ascii: ":"))
        self.prefix = prefix
        self.tenant = tenant
    }

    /// What the name of an entry in a cluster begins with.
    func prefix(_ tag: HashSlot.Tag) -> [UInt8] { prefix + [UInt8(ascii: "{")] + tag.bytes + [UInt8(ascii: "}")] }

    /// A pattern for all names of the tenant's entries, of this epoch and of others.
    var pattern: [UInt8] {
        var pattern: [UInt8] = []
        // Nothing in it but the star has a meaning in a pattern.
        Self.append(tenant, to: &pattern)
        pattern.append(UInt8(ascii: "*"))
        return pattern
    }

    /// What every entry's name begins with, whosever it is.
    static let commonPrefix = "mt_sdk:tenant:"

    /// Whose entry has a name, and under which key it stands, whatever the epoch; `nil` if it is no entry's.
    static func entry(of name: [UInt8], isOfCluster: Bool) -> (TenantID, CacheKey)? {
        guard name.starts(with: commonPrefix.utf8) else { return nil }
        let colon = UInt8(ascii: ":")
        let parts = name.dropFirst(commonPrefix.utf8.count).split(
            separator: colon, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let tenant = try? TenantID(String(decoding: parts[0], as: UTF8.self)) else {
            return nil
        }
        let key = parts[2].dropFirst(isOfCluster ? tagLength : 0)
        return (tenant, CacheKey(String(decoding: key, as: UTF8.self)))
    }

    /// How many bytes a hash tag takes in a name, with its braces.
    static let tagLength = 6

    /// A pattern for the names of the tenant's entries, of any epoch, whose keys begin with a text.
    func pattern(keysWith start: String, isOfCluster: Bool) -> [UInt8] {
        var pattern: [UInt8] = []
        Self.append(tenant, to: &pattern)
        // The epoch, the colon and the tag.
        let length = prefix.count - pattern.count + (isOfCluster ? Self.tagLength : 0)
        pattern.append(contentsOf: repeatElement(UInt8(ascii: "?"), count: length))
        for byte in start.utf8 {
            if "*?[]\\^-".utf8.contains(byte) { pattern.append(UInt8(ascii: "\\")) }
            pattern.append(byte)
        }
        pattern.append(UInt8(ascii: "*"))
        return pattern
    }

    private static func append(_ tenant: TenantID, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: commonPrefix.utf8)
        bytes.append(contentsOf: tenant.rawValue.utf8)
        bytes.append(contentsOf: ":".utf8)
    }
}
