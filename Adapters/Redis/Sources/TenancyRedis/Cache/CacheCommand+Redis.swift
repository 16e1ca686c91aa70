import TenancyCore

extension CacheCommand {
    /// Whether it may be answered by a plain read.
    var readsOnly: Bool { readsPlainly || isLookUp }

    /// Whether it is a plain read, and nothing changes when it is repeated.
    var readsPlainly: Bool { if case .get = self { true } else { false } }

    var isUnblock: Bool { if case .unblock = self { true } else { false } }

    var isLookUp: Bool { if case .lookUp = self { true } else { false } }

    /// The reply to the command, or rather to the script that carries it out.
    ///
    /// - Throws: ``TenancyError`` if the server refused it.
    func reply(_ reply: RedisReply) throws(TenancyError) -> CacheReply {
        if let word = reply.errorWord {
            if case .get = self, word == "WRONGTYPE" { return .absent }
            throw TenancyError(redis: word)
        }
        switch self {
        case .get, .getAndExpire: if reply.isNil { return .absent }
        case .increment:
            if let text = reply.text, let sum = Int64(text) { return .count(sum) }
            if reply.integer == 0 { return .refused }
        case .lookUp:
            if reply.integer == 1 { return .leased }
            if reply.integer == 0 { return .busy }
            if reply.integer == 2 { return .blocked }
        case .delete, .expire: if let count = reply.integer { return .count(count) }
        case .lock:
            if let text = reply.text, let fence = Int64(text) { return .count(fence) }
            if reply.integer == 0 { return .busy }
        case .set, .fill, .block, .unblock, .renew, .unlock:
            if reply.integer == 1 { return .done }
            if reply.integer == 0 { return .refused }
        }
        guard let bytes = reply.bytes else { throw RedisBatch.missing }
        return .value(bytes)
    }
}
