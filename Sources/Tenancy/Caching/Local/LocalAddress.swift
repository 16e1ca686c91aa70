import TenancyCore

/// Where a record stands in the local cache: whose it is, of which type, under which key, and the hashes of that.
struct LocalAddress {
    let tenant: TenantID
    let type: ObjectIdentifier
    let key: Value
    /// Of all of it.
    let hash: UInt64
    /// Of tenant and type.
    let scope: UInt64

    @inline(__always)
    init(_ tenant: TenantID, _ type: ObjectIdentifier, _ key: Value) {
        self.tenant = tenant
        self.type = type
        self.key = key
        var hasher = Self.hasher(tenant, type)
        scope = UInt64(bitPattern: Int64(hasher.finalize()))
        hasher = Hasher()
        hasher.combine(scope)
        switch key {
        // The usual keys, without the detour over what they have in common.
        case .int64(let value): hasher.combine(value)
        case .uuid(let value): hasher.combine(value)
        default: hasher.combine(key)
        }
        hash = UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The hash of all records of a tenant's entity.
    static func scope(_ tenant: TenantID, _ type: ObjectIdentifier) -> UInt64 {
        UInt64(bitPattern: Int64(hasher(tenant, type).finalize()))
    }

    @inline(__always)
    private static func hasher(_ tenant: TenantID, _ type: ObjectIdentifier) -> Hasher {
        // The standard hasher is seeded for each process, so that nobody can choose keys that all collide.
        var hasher = Hasher()
        hasher.combine(type)
        hasher.combine(tenant.rawValue)
        return hasher
    }

    /// Whether both are of the same record. Equal hashes don't prove it.
    @inline(__always)
    func matches(_ other: borrowing LocalAddress) -> Bool {
        guard hash == other.hash, type == other.type, tenant == other.tenant else { return false }
        if case .int64(let left) = key, case .int64(let right) = other.key { return left == right }
        return key == other.key
    }
}

/// What was current when a look-up began.
struct LocalTicket: Sendable {
    let asOf: Int64
    let record: UInt64
    let scope: UInt64
}
