/// The scripts of locks.
///
/// A lock is a hash: `fence`, the last one that was given; `holder`, whose token it is; and `until`, in milliseconds by the
/// server's clock. A fence is the time of day in microseconds, or one more than the last one if that is as late. So it
/// grows too when the hash is gone, because the server was replaced or because nobody has asked for the lock for a day.
enum RedisLockScript {
    /// Defines `time`, `now`, `lock`, `isHeld`, and `hold(milliseconds, isNeverEvicted)`. What must not be evicted has no life
    /// time on a server that evicts only what has one.
    private static let preparing = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local lock = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
        local isHeld = lock[1] and tonumber(lock[2]) > now
        local function hold(milliseconds, isNeverEvicted)
            local ends = now + tonumber(milliseconds)
            redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', ends))
            if isNeverEvicted == '1' then
                redis.call('PERSIST', KEYS[1])
            else
                redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends + 86400000))
            end
        end

        """

    /// Token, time, whether the lock may be evicted unless it has no life time. The fence as text, or 0.
    static let lock =
        preparing + """
            local fence = lock[3]
            if isHeld then
                if lock[1] ~= ARGV[1] then return 0 end
                hold(math.max(ARGV[2], tonumber(lock[2]) - now), ARGV[3])
                return fence
            end
            local current = time[1] * 1000000 + time[2]
            if fence and tonumber(fence) >= current then current = tonumber(fence) + 1 end
            fence = string.format('%.0f', current)
            redis.call('HSET', KEYS[1], 'fence', fence)
            hold(ARGV[2], ARGV[3])
            return fence
            """

    /// Token, time, whether the lock may be evicted unless it has no life time. 1 or 0.
    static let renew =
        preparing + """
            if not isHeld or lock[1] ~= ARGV[1] then return 0 end
            hold(ARGV[2], ARGV[3])
            return 1
            """

    /// Token. 1 or 0.
    static let unlock =
        preparing + """
            if lock[3] and not isHeld then redis.call('PEXPIRE', KEYS[1], 86400000) end
            if not isHeld or lock[1] ~= ARGV[1] then return 0 end
            redis.call('HDEL', KEYS[1], 'holder', 'until')
            redis.call('PEXPIRE', KEYS[1], 86400000)
            return 1
            """
}
