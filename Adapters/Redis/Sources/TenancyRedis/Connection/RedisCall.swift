import TenancyCore
import TenancyIO

/// Commands that are sent together, and their replies.
///
/// Unchecked, because the commands are taken and the replies added on the connection's reactor, and the replies are
/// read by the one caller whom ``wait`` has told that they are complete. A caller that has given up reads nothing.
final class RedisCall: @unchecked Sendable {
    /// Resumed when all replies are there.
    let wait = ReactorWait<Void>()
    /// How many replies are to come.
    let count: Int

    private var bytes: [UInt8]
    private var replies: [OwnedReply] = []
    private var arrived = 0

    init(_ commands: CommandWriter) {
        bytes = commands.bytes
        count = commands.count
    }

    deinit { for reply in replies { reply.free() } }

    /// The commands in the wire's form, which the call then no longer holds.
    func takeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Takes over a reply, and drops it if nobody waits any more.
    ///
    /// - Returns: Whether it was the last.
    func add(_ reply: OwnedReply) -> Bool {
        arrived += 1
        if wait.hasEnded {
            reply.free()
        } else {
            if count > 1, replies.isEmpty { replies.reserveCapacity(count) }
            replies.append(reply)
        }
        return arrived == count
    }

    /// A reply; `nil` if there is none of that number.
    subscript(index: Int) -> RedisReply? { index < replies.count ? replies[index].lent : nil }
}
