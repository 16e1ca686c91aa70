internal import CHiredis

/// A reply as hiredis has taken it apart. Lent by the ``RedisCall`` that it answers, and gone with it.
struct RedisReply {
    fileprivate let pointer: UnsafeMutablePointer<redisReply>

    /// The content of a string; `nil` of anything else.
    var bytes: [UInt8]? {
        guard type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS else { return nil }
        return Array(content)
    }

    /// The content of a string as text.
    var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    /// A number; `nil` of anything else.
    var integer: Int64? { type == REDIS_REPLY_INTEGER ? pointer.pointee.integer : nil }

    /// Whether it says that there is nothing.
    var isNil: Bool { type == REDIS_REPLY_NIL }

    /// Whether it is an error.
    var isError: Bool { type == REDIS_REPLY_ERROR }

    /// The first word of an error, such as `WRONGTYPE`; the words after it may hold values. `nil` if it is none.
    var errorWord: String? {
        guard isError else { return nil }
        let word = content.prefix(24).prefix { (65...90).contains($0) }
        return word.isEmpty ? "ERR" : String(decoding: word, as: UTF8.self)
    }

    /// Where a cluster says that the key's slot is.
    struct Redirection {
        /// Whether this holds for one key only, while its slot is being moved.
        let isForOnce: Bool
        /// No host if it is the one that was asked.
        let host: String
        let port: Int
    }

    /// What `MOVED` or `ASK` says; `nil` of anything else.
    var redirection: Redirection? {
        guard let word = errorWord, word == "MOVED" || word == "ASK" else { return nil }
        let words = String(decoding: content, as: UTF8.self).split(separator: " ")
        guard words.count >= 3, let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...])
        else { return nil }
        return Redirection(isForOnce: word == "ASK", host: String(words[2][..<colon]), port: port)
    }

    /// An array of names and values.
    var pairs: [String: String] {
        var pairs: [String: String] = [:]
        for index in stride(from: 0, to: count - 1, by: 2) {
            if let name = self[index]?.text { pairs[name] = self[index + 1]?.text }
        }
        return pairs
    }

    /// How many elements an array has; 0 of anything else.
    var count: Int { type == REDIS_REPLY_ARRAY ? Int(pointer.pointee.elements) : 0 }

    /// An element of an array.
    subscript(index: Int) -> RedisReply? {
        guard index < count, let element = pointer.pointee.element[index] else { return nil }
        return RedisReply(pointer: element)
    }

    private var type: Int32 { pointer.pointee.type }

    private var content: UnsafeRawBufferPointer {
        // The length is an Int32 before hiredis 1.0.
        let length = pointer.pointee.str == nil ? 0 : Int(pointer.pointee.len)
        return UnsafeRawBufferPointer(start: pointer.pointee.str, count: length)
    }
}

/// Takes bytes and gives replies, by hiredis. Not shared.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>

    /// `nil` if the memory does not suffice.
    init?() {
        guard let reader = redisReaderCreate() else { return nil }
        self.reader = reader
    }

    deinit { redisReaderFree(reader) }

    /// - Returns: Whether the bytes could be kept.
    func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK
    }

    /// What ``next()`` found.
    enum Step {
        case reply(OwnedReply)
        case incomplete
        case malformed
    }

    /// The next whole reply.
    func next() -> Step {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { return .malformed }
        guard let reply else { return .incomplete }
        return .reply(OwnedReply(pointer: reply.assumingMemoryBound(to: redisReply.self)))
    }
}

/// A reply that whoever has it must ``free()`` once.
struct OwnedReply {
    fileprivate let pointer: UnsafeMutablePointer<redisReply>

    /// The reply, for as long as this one is not freed.
    var lent: RedisReply { RedisReply(pointer: pointer) }

    func free() { freeReplyObject(pointer) }
}
