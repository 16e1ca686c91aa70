import CHiredis
import Foundation

/// A reply of Redis. An error is one too, since a redirection comes as one.
enum RedisReply: Equatable, Sendable {
    case text(String)
    case integer(Int64)
    case array([RedisReply])
    case null
    case error(String)

    var text: String? { if case .text(let value) = self { value } else { nil } }
    var error: String? { if case .error(let value) = self { value } else { nil } }
    var array: [RedisReply] { if case .array(let values) = self { values } else { [] } }

    fileprivate init(_ reply: UnsafeMutablePointer<redisReply>) {
        switch reply.pointee.type {
        case REDIS_REPLY_INTEGER: self = .integer(reply.pointee.integer)
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_ERROR: self = .error(Self.string(reply))
        case REDIS_REPLY_ARRAY:
            let elements = UnsafeBufferPointer(start: reply.pointee.element, count: Int(reply.pointee.elements))
            self = .array(elements.map { $0.map(RedisReply.init) ?? .null })
        default: self = .text(Self.string(reply))
        }
    }

    private static func string(_ reply: UnsafeMutablePointer<redisReply>) -> String {
        let bytes = UnsafeRawBufferPointer(start: reply.pointee.str, count: Int(reply.pointee.len))
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// As much of hiredis as the tests of the servers need. It stays on the thread that made it.
final class RedisConnection {
    private let context: UnsafeMutablePointer<redisContext>

    /// Connects and logs in.
    init(_ endpoint: Endpoint) throws {
        let limit = timeval(tv_sec: 10, tv_usec: 0)
        guard let context = redisConnectWithTimeout(endpoint.host, Int32(endpoint.port), limit) else {
            throw ServerFailure("hiredis is out of memory")
        }
        // From here on `deinit` frees it, for a failed initializer too.
        self.context = context
        guard context.pointee.err == 0 else { throw lastFailure }
        _ = redisSetTimeout(context, limit)
        if !endpoint.user.isEmpty {
            let answer = try send("AUTH", endpoint.user, endpoint.password)
            if let error = answer.error { throw ServerFailure(error) }
        }
    }

    deinit { redisFree(context) }

    private var lastFailure: ServerFailure {
        withUnsafePointer(to: &context.pointee.errstr) { message in
            message.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: message.pointee)) {
                ServerFailure(String(cString: $0))
            }
        }
    }

    @discardableResult
    func send(_ command: String...) throws -> RedisReply {
        let lengths = command.map(\.utf8.count)
        let reply = withCStrings(command) { words in
            var words = Array(UnsafeBufferPointer(start: words, count: command.count))
            return redisCommandArgv(context, Int32(command.count), &words, lengths)
        }
        guard let reply else { throw lastFailure }
        defer { freeReplyObject(reply) }
        return RedisReply(reply.assumingMemoryBound(to: redisReply.self))
    }
}
