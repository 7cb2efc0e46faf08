#if Valkey
import HoldfastIdempotency

/// The script that carries out a batch in the server, in one step: ``ClaimMachine`` in the server's own language. The
/// conformance suite holds both against each other.
///
/// KEYS: the fence, then a record for each command. ARGV: eight for each command, the action first. It returns a code and
/// a value for each.
///
/// A record is one string: a line of numbers (state, fence, end of the lease, expiry, length of the history, whether a
/// payload is kept), the fingerprint, the history, the payload. The end of the lease is a field, and the server's
/// own expiry is the retention's: so what nobody reports on stays visible.
struct ValkeyScript: Sendable {
    /// What is added to the server's time, in Lua: nothing, but for tests.
    var skew = "0"

    /// The arguments of one command.
    static let width = 8

    private var clock: String {
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000) + \(skew)
        """
    }

    /// Tells the store's time, in milliseconds.
    var clockText: String { "\(clock)\nreturn string.format('%d', now)" }

    var text: String {
        """
        \(clock)
        local function int(number) return string.format('%d', number) end

        -- A failover may forget the last fences. No clock falls behind what was granted before it, so neither does this.
        local fence
        local function grant()
            fence = math.max((fence or tonumber(redis.call('GET', KEYS[1]) or 0)) + 1, time[1] * 1000000 + time[2])
            return int(fence)
        end

        local function load(key)
            local text = redis.call('GET', key)
            if not text then return nil end
            local _, head, state, owned, lease, expires, length, kept =
                string.find(text, '^(%d) (%d+) (%d+) (%d+) (%d+) ([01])\\n')
            if tonumber(expires) <= now then return nil end
            length = tonumber(length)
            local record = { state = state, fence = owned, lease = tonumber(lease), expires = tonumber(expires) }
            record.fingerprint = string.sub(text, head + 1, head + 32)
            record.history = string.sub(text, head + 33, head + 32 + length)
            if kept == '1' then record.payload = string.sub(text, head + 33 + length) end
            record.unknown = state == '3' or (state == '0' and record.lease <= now)
            return record
        end

        -- Whoever waits in another process asks again when it hears of it.
        local function told(key) redis.call('PUBLISH', '\(ValkeyRecords.channel)', key) end

        local function save(key, record)
            local head = { record.state, record.fence, int(record.lease), int(record.expires), #record.history,
                record.payload and 1 or 0 }
            redis.call('SET', key, table.concat(head, ' ') .. '\\n' .. record.fingerprint .. record.history ..
                (record.payload or ''), 'PXAT', int(record.expires))
            if record.state ~= '0' then told(key) end
        end

        local function tell(record, event, by, why)
            local line = { int(now), event, record.fence, by or '', why or '' }
            record.history = record.history .. table.concat(line, '\\t') .. '\\n'
            while #record.history > \(ClaimHistory.bound) do
                local shorter, count = string.gsub(record.history, '^([^\\n]*\\n)[^\\n]*\\n', '%1', 1)
                if count == 0 then break end
                record.history = shorter
            end
        end

        local act = {}

        function act.claim(key, record, fingerprint, lease, retention, takeover, owner)
            if record and record.state ~= '4' then
                if record.fingerprint ~= fingerprint then return 'mismatched' end
                if not (record.unknown and (takeover == 'anything' or takeover == record.fence)) then
                    if record.state == '1' then return 'completed', record.payload end
                    if record.state == '2' then return 'not-kept' end
                    if not record.unknown then return 'in-flight' end
                    if record.state == '0' then
                        record.state = '3'
                        record.expires = math.max(record.expires, now + retention)
                        tell(record, 'lease-ended')
                        save(key, record)
                    end
                    return 'unknown', record.fence
                end
            end
            local claimed = { state = '0', fence = grant(), lease = now + lease, fingerprint = fingerprint,
                expires = now + math.max(lease, retention), history = record and record.history or '' }
            tell(claimed, 'claimed', owner)
            save(key, claimed)
            return 'claimed', claimed.fence
        end

        function act.renew(key, record, lease)
            if record.state ~= '0' or record.unknown then return 'stale' end
            record.lease = now + lease
            record.expires = math.max(record.expires, record.lease)
            save(key, record)
            return 'done'
        end

        function act.complete(key, record, retention, kept, payload)
            payload = kept == '1' and payload or nil
            if record.state == '4' then return 'stale' end
            if record.state == '1' or record.state == '2' then
                return (payload == nil or payload == record.payload) and 'done' or 'stale'
            end
            record.state, record.payload, record.expires = payload and '1' or '2', payload, now + retention
            tell(record, 'completed', '', payload and '' or 'response not kept')
            save(key, record)
            return 'done'
        end

        function act.release(key, record)
            if record.state ~= '0' then return 'stale' end
            if string.find(record.history, '\\n', 1, true) == #record.history then
                redis.call('DEL', key)
                told(key)
                return 'done'
            end
            record.state = '4'
            tell(record, 'released')
            save(key, record)
            return 'done'
        end

        function act.abandon(key, record)
            if record.state ~= '0' then return 'stale' end
            record.state = '3'
            tell(record, 'abandoned')
            save(key, record)
            return 'done'
        end

        function act.resolve(key, record, retention, kept, payload, by, why)
            if not record.unknown then return 'stale' end
            if kept == 'released' then
                record.state = '4'
                tell(record, 'resolved-released', by, why)
            else
                record.state, record.payload = kept == '1' and '1' or '2', kept == '1' and payload or nil
                tell(record, 'resolved-completed', by, why)
            end
            record.expires = now + retention
            save(key, record)
            return 'done'
        end

        function act.purge(key, record)
            if record.state == '0' and not record.unknown then return 'stale' end
            redis.call('DEL', key)
            return 'done'
        end

        local answers = {}
        for number = 2, #KEYS do
            local at = (number - 2) * \(Self.width)
            local action, named = ARGV[at + 1], ARGV[at + 2]
            local key, record = KEYS[number], load(KEYS[number])
            local code, value
            if action == 'claim' then
                code, value = act.claim(key, record, ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8])
            elseif record and record.fence == named then
                code, value = act[action](key, record, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
            else
                code = 'stale'
            end
            answers[#answers + 1] = code
            answers[#answers + 1] = value or ''
        end
        if fence then redis.call('SET', KEYS[1], int(fence)) end
        return answers
        """
    }
}
#endif
