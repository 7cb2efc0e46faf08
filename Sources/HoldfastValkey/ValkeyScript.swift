#if Valkey
import HoldfastIdempotency

/// The script that carries out a batch in the server, in one step: `ClaimMachine` in the server's own language. The
/// conformance suite holds both against each other.
///
/// KEYS: the fence, the index and the tally (see ``ValkeyIndex``), then a record for each command. ARGV: for each command its action and what that needs, as
/// ``ValkeyRecords`` writes it. It returns a code and a value for each.
///
/// A record is one string: a line of numbers (state, fence, end of the lease, expiry, length of the history, and a flag),
/// the fingerprint, the history, and the payload, or, as long as there is none, what is said of the cause. The flag of what is in flight says whether somebody waits for the end of
/// it; that of all else, whether a payload is kept. The end of the lease is a field, and the server's own expiry is the
/// retention's: so what nobody reports on stays visible.
///
/// What a command costs the server is mostly calls of other commands, so a claim of a new key makes one and a completion
/// makes two. The index and the tally are written once for a batch.
struct ValkeyScript: Sendable {
    /// What is added to the server's time, in Lua: nothing, but for tests.
    var skew = "0"

    private var clock: String {
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000) + \(skew)
        """
    }

    /// Lists and counts: see ``ValkeyIndex``.
    var counting: String { ValkeyIndex.counting(clock: clock) }
    var building: String { ValkeyIndex.building(clock: clock) }

    /// Tells the store's time, in milliseconds.
    var clockText: String { "\(clock)\nreturn string.format('%d', now)" }

    var text: String {
        """
        \(clock)
        local call, find, sub, format, max = redis.call, string.find, string.sub, string.format, math.max
        local moment = format('%d', now)
        \(ValkeyIndex.functions)

        -- What a record ends with.
        local function rest(record)
            return record.payload or record.context or ''
        end

        -- What the batch has changed: how a record was listed before, and how it stands now.
        local touched, former, latter = {}, {}, {}
        local function note(key, was, is)
            if former[key] == nil then
                touched[#touched + 1] = key
                former[key] = was or false
            end
            latter[key] = is or false
            if was then count(was.formerExpires, -1, -was.formerBytes) end
            if is then count(is.expires, 1, #rest(is)) end
        end

        -- A failover may forget the last fences. No clock falls behind what was granted before it, so neither does this.
        local fence
        local function nextFence()
            local last = fence or call('GET', KEYS[1])
            if not last then
                call('ZADD', KEYS[2], 0, '-')
                call('HSET', KEYS[3], '-', '0')
            end
            return max(tonumber(last or 0) + 1, time[1] * 1000000 + time[2])
        end

        -- The body is the fingerprint and the history.
        local function read(text)
            local _, head, state, owned, lease, expires, length, flag =
                find(text, '^(%d) (%d+) (%d+) (%d+) (%d+) ([01])\\n')
            lease, expires = tonumber(lease), tonumber(expires)
            if expires <= now then return nil end
            local ends = head + 32 + length
            local unknown = state == '3' or (state == '0' and lease <= now)
            return {
                formerState = state, formerExpires = expires, formerBytes = #text - ends,
                state = state, fence = owned, lease = lease, expires = expires, body = sub(text, head + 1, ends),
                payload = state == '1' and sub(text, ends + 1) or nil,
                context = (state == '0' or state == '3') and sub(text, ends + 1) or nil, waited = state == '0' and flag == '1',
                unknown = unknown, isFound = true
            }
        end

        local function load(key)
            local text = call('GET', key)
            return text and read(text)
        end

        local function written(record)
            local flag = (record.payload or record.waited) and 1 or 0
            return format('%s %s %d %d %d %d\\n', record.state, record.fence, record.lease, record.expires,
                #record.body - 32, flag) .. record.body .. rest(record)
        end

        -- Whoever waits in another process asks again when it hears of it. That it may not be told, where a user has no
        -- channel, must not end a batch half-way.
        local function told(key, record)
            if record.waited then redis.pcall('PUBLISH', '\(ValkeyRecords.channel)', key) end
            record.waited = false
        end

        local function save(key, record)
            note(key, record.former or (record.isFound and record), record)
            if record.state ~= '0' then told(key, record) end
            call('SET', key, written(record), 'PXAT', format('%d', record.expires))
        end

        local function tell(record, event, by, why)
            local body = record.body .. moment .. '\\t' .. event .. '\\t' .. record.fence .. '\\t' .. (by or '') ..
                '\\t' .. (why or '') .. '\\n'
            while #body > \(ClaimHistory.bound) + 32 do
                local first = find(body, '\\n', 33, true)
                local second = find(body, '\\n', first + 1, true)
                if not second then break end
                body = sub(body, 1, first) .. sub(body, second + 1)
            end
            record.body = body
        end

        local function answer(key, record, retention)
            if record.state == '1' then return 'completed', record.payload end
            if record.state == '2' then return 'not-kept' end
            if not record.unknown then
                if not record.waited then
                    record.waited = true
                    save(key, record)
                end
                return 'in-flight'
            end
            if record.state == '0' then
                record.state = '3'
                record.expires = max(record.expires, now + retention)
                tell(record, 'lease-ended')
                save(key, record)
            end
            return 'unknown', record.fence
        end

        local act = {}

        function act.claim(key, fingerprint, lease, retention, takeover, owner, nonce, context)
            local granted = nextFence()
            local claimed = { state = '0', fence = format('%d', granted), lease = now + lease, body = fingerprint,
                expires = now + lease + retention, context = context }
            tell(claimed, 'claimed', owner, nonce)
            -- Written if there is none; otherwise what there is is looked at.
            local found = call('SET', key, written(claimed), 'PXAT', format('%d', claimed.expires), 'NX', 'GET')
            if not found then
                note(key, nil, claimed)
            else
                local record = read(found)
                if record then
                    claimed.former = record
                    if record.state ~= '4' then
                        if sub(record.body, 1, 32) ~= fingerprint then return 'mismatched' end
                        local last = '\\tclaimed\\t' .. record.fence .. '\\t' .. owner .. '\\t' .. nonce .. '\\n'
                        if not record.unknown and nonce ~= '' and sub(record.body, -#last) == last then
                            return 'claimed', record.fence
                        end
                        if not (record.unknown and (takeover == 'anything' or takeover == record.fence)) then
                            return answer(key, record, retention)
                        end
                    end
                    claimed.body = fingerprint .. sub(record.body, 33)
                    tell(claimed, 'claimed', owner, nonce)
                end
                save(key, claimed)
            end
            fence = granted
            return 'claimed', claimed.fence
        end

        function act.look(key, fingerprint, retention)
            local record = load(key)
            if not record or record.state == '4' then return 'free' end
            if sub(record.body, 1, 32) ~= fingerprint then return 'mismatched' end
            return answer(key, record, retention)
        end

        function act.renew(key, record, lease)
            if record.state ~= '0' or record.unknown then return 'stale' end
            record.lease, record.expires = now + lease, now + lease + max(0, record.expires - record.lease)
            save(key, record)
            return 'done'
        end

        function act.complete(key, record, retention, kept, payload)
            payload = kept == '1' and payload or nil
            if record.state == '4' then return 'stale' end
            if record.state == '1' or record.state == '2' then
                return (payload == nil or payload == record.payload) and 'done' or 'stale'
            end
            record.state, record.payload, record.context = payload and '1' or '2', payload, nil
            record.expires = now + retention
            tell(record, 'completed', '', payload and '' or 'response not kept')
            save(key, record)
            return 'done'
        end

        function act.release(key, record)
            if record.state ~= '0' then return 'stale' end
            if find(record.body, '\\n', 33, true) == #record.body then
                note(key, record, nil)
                call('DEL', key)
                told(key, record)
                return 'done'
            end
            record.state, record.context = '4', nil
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
            record.context = nil
            if kept == 'released' then
                record.state = '4'
                tell(record, 'resolved-released', by, why)
            else
                record.state, record.payload = kept == '1' and '1' or '2', kept == '1' and payload or nil
                tell(record, 'resolved-completed', by, why)
            end
            record.expires = max(record.expires, now + retention)
            save(key, record)
            return 'done'
        end

        function act.purge(key, record)
            if record.state == '0' and not record.unknown then return 'stale' end
            note(key, record, nil)
            call('DEL', key)
            return 'done'
        end

        local widths = { claim = 8, look = 3, renew = 3, complete = 5, release = 2, abandon = 2, resolve = 7, purge = 2 }
        local answers, place, at = {}, 0, 0
        for number = 4, #KEYS do
            local key, action, first = KEYS[number], ARGV[at + 1], ARGV[at + 2]
            local code, value
            if action == 'claim' then
                code, value = act.claim(key, first, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7],
                    ARGV[at + 8])
            elseif action == 'look' then
                code, value = act.look(key, first, ARGV[at + 3])
            else
                local record = load(key)
                if record and record.fence == first then
                    code = act[action](key, record, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
                else
                    code = 'stale'
                end
            end
            answers[place + 1], answers[place + 2] = code, value or ''
            place, at = place + 2, at + widths[action]
        end
        if fence then call('SET', KEYS[1], format('%d', fence)) end
        local come, gone = {}, {}
        for _, key in ipairs(touched) do
            local was, is = former[key], latter[key]
            local from, to = was and letters[was.formerState], is and letters[is.state]
            if from and from ~= to then gone[#gone + 1] = from .. ':' .. key end
            -- What is in flight and unknown may have been listed so by whoever counted.
            if from == 'i' and was.unknown and to ~= 'u' then gone[#gone + 1] = 'u:' .. key end
            if from and (from ~= 'i' or was.unknown) and (not to or to == 'i') then gone[#gone + 1] = 'd:' .. key end
            if is then list(come, key, is.state, is.fence, is.lease, is.expires) end
        end
        inParts('ZREM', KEYS[2], gone)
        inParts('ZADD', KEYS[2], come)
        tally(KEYS[3])
        return answers
        """
    }
}
#endif
