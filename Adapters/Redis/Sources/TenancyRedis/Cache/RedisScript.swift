import TenancyCore

/// What the server does in one step, as a script. Each touches one key, so that all work on a cluster too.
///
/// What stands under a key is a string, which is a value; or a hash with the field `lease`, which is a reader's lease;
/// or a hash of writers' blocks, from each token to when it ends, in milliseconds by the server's clock. It is never
/// two of these, so a reader that wants a value alone asks for a string and finds nothing else. Locks stand under names
/// of their own, each a hash of the last fence, and of who holds it until when.
enum RedisScript: Int, CaseIterable, Sendable {
    case lookUp, set, fill, delete, expire, getAndExpire, increment, block, unblock, lock, renew, unlock, flush,
        announce

    /// The script's text.
    var text: String {
        switch self {
        case .lookUp: Self.standing + Self.lookUpText
        case .set: Self.standing + Self.storing + Self.setText
        case .fill: Self.storing + Self.fillText
        case .delete: Self.deleteText
        case .expire: Self.expireText
        case .getAndExpire: Self.getAndExpireText
        case .increment: Self.standing + Self.incrementText
        case .block: Self.blockText
        case .unblock: Self.unblockText
        case .lock: RedisLockScript.lock
        case .renew: RedisLockScript.renew
        case .unlock: RedisLockScript.unlock
        case .flush: Self.flushText
        case .announce: Self.announceText
        }
    }

    /// `kind(key)`: `string`, `lease`, `block` or `none`, after blocks that have ended are gone.
    private static let standing = """
        local function kind(key)
            local type = redis.call('TYPE', key)['ok']
            if type ~= 'hash' then return type end
            if redis.call('HEXISTS', key, 'lease') == 1 then return 'lease' end
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            local blocks = redis.call('HGETALL', key)
            local result = 'none'
            for i = 1, #blocks, 2 do
                if tonumber(blocks[i + 1]) > now then
                    result = 'block'
                else
                    redis.call('HDEL', key, blocks[i])
                end
            end
            return result
        end

        """

    /// `store(key, value, life)`: 1, or 0 if there was no room, and then what was to be replaced is gone too.
    private static let storing = """
        local function store(key, value, life)
            local reply = redis.pcall('SET', key, value, 'PX', life)
            if not reply['err'] then return 1 end
            if string.find(reply['err'], 'OOM', 1, true) then
                redis.call('DEL', key)
                return 0
            end
            return reply
        end

        """

    /// Token, life time of the lease. The value, or 1 for a lease, 0 for another's, 2 for a block.
    private static let lookUpText = """
        local found = kind(KEYS[1])
        if found == 'string' then return redis.call('GET', KEYS[1]) end
        if found == 'block' then return 2 end
        if found == 'lease' and redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
        redis.call('HSET', KEYS[1], 'lease', ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return 1
        """

    /// Value, life time, condition, the bytes of the condition. 1 or 0.
    private static let setText = """
        local found = kind(KEYS[1])
        if found == 'block' then return 0 end
        if ARGV[3] == 'absent' and found == 'string' then return 0 end
        if ARGV[3] == 'equal' and (found ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[4]) then return 0 end
        return store(KEYS[1], ARGV[1], ARGV[2])
        """

    /// Token, value, life time. 1 or 0.
    private static let fillText = """
        if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then return 0 end
        if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
        return store(KEYS[1], ARGV[2], ARGV[3])
        """

    /// 1 if there was a value, or 0.
    private static let deleteText = """
        if redis.call('TYPE', KEYS[1])['ok'] == 'string' then return redis.call('DEL', KEYS[1]) end
        if redis.call('HEXISTS', KEYS[1], 'lease') == 1 then redis.call('DEL', KEYS[1]) end
        return 0
        """

    /// Life time. 1 if there was a value, or 0.
    private static let expireText = """
        if redis.call('TYPE', KEYS[1])['ok'] ~= 'string' then return 0 end
        return redis.call('PEXPIRE', KEYS[1], ARGV[1])
        """

    /// Life time. The value, or nothing.
    private static let getAndExpireText = """
        if redis.call('TYPE', KEYS[1])['ok'] ~= 'string' then return false end
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return redis.call('GET', KEYS[1])
        """

    /// Amount, life time of a counter that is new. The sum as text, because a number of a script has 53 bits only; or 0.
    private static let incrementText = """
        local found = kind(KEYS[1])
        if found == 'block' then return 0 end
        if found == 'lease' then redis.call('DEL', KEYS[1]) end
        local reply = redis.pcall('INCRBY', KEYS[1], ARGV[1])
        if type(reply) == 'table' and reply['err'] then
            if string.find(reply['err'], 'integer', 1, true) or string.find(reply['err'], 'overflow', 1, true)
                or string.find(reply['err'], 'OOM', 1, true) then return 0 end
            return reply
        end
        if found ~= 'string' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        return redis.call('GET', KEYS[1])
        """

    /// Token, life time of the block, whether the key may be evicted unless it has no life time. 1.
    private static let blockText = """
        local type = redis.call('TYPE', KEYS[1])['ok']
        if type == 'string' then
            redis.call('DEL', KEYS[1])
        elseif type == 'hash' then
            redis.call('HDEL', KEYS[1], 'lease')
        end
        local time = redis.call('TIME')
        local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
        local before = redis.call('HGET', KEYS[1], ARGV[1])
        if before and tonumber(before) > ends then ends = tonumber(before) end
        redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', ends))
        if ARGV[3] == '1' then
            redis.call('PERSIST', KEYS[1])
            return 1
        end
        for _, other in ipairs(redis.call('HVALS', KEYS[1])) do
            if tonumber(other) > ends then ends = tonumber(other) end
        end
        redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
        return 1
        """

    /// Token. 1.
    private static let unblockText = """
        local type = redis.call('TYPE', KEYS[1])['ok']
        if type == 'string' then
            redis.call('DEL', KEYS[1])
        elseif type == 'hash' then
            redis.call('HDEL', KEYS[1], 'lease', ARGV[1])
        end
        return 1
        """

    /// Some keys of one tenant. How many values there were, which are gone, as are leases.
    private static let flushText = """
        local count = 0
        for _, key in ipairs(KEYS) do
            local type = redis.call('TYPE', key)['ok']
            if type == 'string' then
                count = count + redis.call('UNLINK', key)
            elseif type == 'hash' then
                redis.call('HDEL', key, 'lease')
            end
        end
        return count
        """

    /// Run id, epoch, whether another run needs a wait too. For how many milliseconds the server has had this epoch; -1
    /// if that does not matter, because there was none before it in the same run.
    private static let announceText = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local known = redis.call('HMGET', KEYS[1], 'run', 'epoch', 'since')
        if known[1] ~= ARGV[1] and ARGV[3] == '0' then
            redis.call('HSET', KEYS[1], 'run', ARGV[1], 'epoch', ARGV[2], 'since', '0')
            return -1
        end
        if known[1] ~= ARGV[1] or known[2] ~= ARGV[2] then
            redis.call('HSET', KEYS[1], 'run', ARGV[1], 'epoch', ARGV[2], 'since', string.format('%.0f', now))
            return 0
        end
        if known[3] == '0' then return -1 end
        return now - tonumber(known[3])
        """
}

/// The digests by which a server knows the scripts.
struct RedisScripts: Sendable {
    private let digests: [[UInt8]]

    /// Reads the replies to `SCRIPT LOAD` of all scripts in their order.
    init(_ call: RedisCall, from first: Int) throws(TenancyError) {
        var digests: [[UInt8]] = []
        for script in RedisScript.allCases {
            guard let digest = call[first + script.rawValue]?.bytes else {
                throw TenancyError(redis: call[first + script.rawValue]?.errorWord ?? "ERR")
            }
            digests.append(digest)
        }
        self.digests = digests
    }

    subscript(script: RedisScript) -> [UInt8] { digests[script.rawValue] }
}
