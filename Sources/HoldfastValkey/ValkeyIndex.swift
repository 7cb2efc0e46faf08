#if Valkey
import HoldfastIdempotency

/// What each tag keeps besides its records, so that operators' questions cost little however many keys there are: an index of
/// the records that are not completed, and a tally of what there is.
///
/// The index is one sorted set. A letter before a record's key says which list it is in, and each list has a band of scores:
///
/// - `i`, in flight: the end of the lease, so that those are found whose lease is over;
/// - `u`, unknown, `t`, completed without its payload, and `r`, released: the fence, so the oldest claim comes first;
/// - `d`: the expiry of what is in those three, since the server forgets records without a word.
///
/// The tally counts keys and bytes by the ten minutes in which they expire, for the same reason: what has expired is taken
/// away by the ten minutes, and until then counts.
///
/// Both keys have a member that stays, so they are there as long as the tag's fence is: while a cluster moves a slot, a script
/// is carried out only where all of its keys are.
enum ValkeyIndex {
    /// What the server's keys are laid out as. The first had no index.
    static let version = 2

    static func key(_ tag: Int) -> String { "\(ValkeyRecords.prefix(tag))index" }
    static func tallyKey(_ tag: Int) -> String { "\(ValkeyRecords.prefix(tag))tally" }
    static let versionKey = "\(ValkeyRecords.prefix(0))version"

    /// The scores of what is listed, exclusive: what is in flight by the end of its lease, the others by their fence. A fence
    /// is at least the time in microseconds, so the bands hold until 2065.
    static func band(_ state: ClaimSummary.State) -> (letter: Character, from: Int64, to: Int64)? {
        switch state {
        case .unknown: ("u", 100_000_000_000_000, 3_000_000_000_000_000)
        case .notKept: ("t", 3_000_000_000_000_000, 6_000_000_000_000_000)
        case .released: ("r", 6_000_000_000_000_000, 9_000_000_000_000_000)
        case .inFlight: ("i", 0, 10_000_000_000_000)
        case .completed: nil
        }
    }

    /// How much a fence's score is above the fence.
    static func offset(_ state: ClaimSummary.State) -> Int64 {
        switch state {
        case .notKept: 3_000_000_000_000_000
        case .released: 6_000_000_000_000_000
        case .unknown, .inFlight, .completed: 0
        }
    }

    /// What all scripts share. `index` and `tally` are names of keys.
    static let functions = """
        local letters = { ['0'] = 'i', ['2'] = 't', ['3'] = 'u', ['4'] = 'r' }
        local offsets = { ['2'] = 3e15, ['3'] = 0, ['4'] = 6e15 }

        -- The members that list a record: two or none.
        local function list(arguments, key, state, fence, lease, expires)
            local letter = letters[state]
            if not letter then return end
            local count = #arguments
            if letter == 'i' then
                arguments[count + 1], arguments[count + 2] = format('%d', math.min(lease, 9e12)), 'i:' .. key
            else
                arguments[count + 1] = format('%d', offsets[state] + tonumber(fence))
                arguments[count + 2] = letter .. ':' .. key
                arguments[count + 3], arguments[count + 4] = format('%d', 1e13 + math.min(expires, 9e12)), 'd:' .. key
            end
        end

        local function inParts(command, key, arguments)
            for first = 1, #arguments, 1000 do
                call(command, key, unpack(arguments, first, math.min(first + 999, #arguments)))
            end
        end

        local keysIn, bytesIn = {}, {}
        local function count(expires, keys, bytes)
            local part = math.floor(expires / 600000)
            keysIn[part] = (keysIn[part] or 0) + keys
            if bytes ~= 0 then bytesIn[part] = (bytesIn[part] or 0) + bytes end
        end

        local function tally(key)
            for letter, parts in pairs({ k = keysIn, b = bytesIn }) do
                for part, change in pairs(parts) do
                    if change ~= 0 then call('HINCRBY', key, letter .. format('%d', part), format('%d', change)) end
                end
            end
        end
        """

    /// Does, without an effect, what the other scripts do to the index and the tally: a user that the server does not let do
    /// one of these is told at the start, and not in the middle of a batch.
    ///
    /// KEYS: index, tally.
    static let trying = """
        local call = redis.call
        call('ZADD', KEYS[1], 0, '-')
        call('ZREM', KEYS[1], '?')
        call('ZRANGEBYSCORE', KEYS[1], 1, 0)
        call('ZCOUNT', KEYS[1], 1, 0)
        call('HSET', KEYS[2], '-', '0')
        call('HINCRBY', KEYS[2], '-', 0)
        call('HDEL', KEYS[2], '?')
        call('HGETALL', KEYS[2])
        """

    private static let opening = "local redis, call, find, format = redis, redis.call, string.find, string.format"

    /// Lists what is unknown because its lease is over, takes out what has expired, and says how many keys, bytes and
    /// unknown keys there are, and whether that is all: it looks at a thousand of each. It reads before it writes.
    ///
    /// KEYS: index, tally.
    static func counting(clock: String) -> String {
        """
        \(opening)
        \(clock)
        \(functions)
        local stale, come = {}, {}
        local moment = format('%d', now)
        local lapsed = call('ZRANGEBYSCORE', KEYS[1], 1, moment, 'LIMIT', 0, 1000)
        for _, member in ipairs(lapsed) do
            local key = string.sub(member, 3)
            local _, _, state, fence, lease, expires = find(call('GETRANGE', key, 0, 127), '^(%d) (%d+) (%d+) (%d+) ')
            lease, expires = tonumber(lease), tonumber(expires)
            if state == '0' and lease > now then
                list(come, key, '0', fence, lease, expires)
            else
                stale[#stale + 1] = member
                if state == '0' and expires > now then list(come, key, '3', fence, lease, expires) end
            end
        end
        local expired = call('ZRANGEBYSCORE', KEYS[1], '1e13', format('%d', 1e13 + now), 'LIMIT', 0, 1000)
        for _, member in ipairs(expired) do
            local key = string.sub(member, 3)
            for _, letter in ipairs({ 'd:', 'u:', 't:', 'r:' }) do stale[#stale + 1] = letter .. key end
        end
        inParts('ZREM', KEYS[1], stale)
        inParts('ZADD', KEYS[1], come)
        local first, keys, bytes, over = math.floor(now / 600000), 0, 0, {}
        local held = call('HGETALL', KEYS[2])
        for place = 1, #held, 2 do
            local kind, part = string.sub(held[place], 1, 1), tonumber(string.sub(held[place], 2))
            if not part then
                -- The one that stays.
            elseif part < first then
                over[#over + 1] = held[place]
            elseif kind == 'k' then
                keys = keys + held[place + 1]
            else
                bytes = bytes + held[place + 1]
            end
        end
        inParts('HDEL', KEYS[2], over)
        local isWhole = #lapsed < 1000 and #expired < 1000
        return { format('%d', keys), format('%d', bytes), call('ZCOUNT', KEYS[1], '1e14', '(3e15'), isWhole and 1 or 0 }
        """
    }

    /// Lists and counts records that an earlier version has written.
    ///
    /// KEYS: index, tally, and the records.
    static func building(clock: String) -> String {
        """
        \(opening)
        \(clock)
        \(functions)
        local come = {}
        for number = 3, #KEYS do
            local key = KEYS[number]
            local _, head, state, fence, lease, expires, length =
                find(call('GETRANGE', key, 0, 127), '^(%d) (%d+) (%d+) (%d+) (%d+) [01]\\n')
            if state then
                list(come, key, state, fence, tonumber(lease), tonumber(expires))
                count(tonumber(expires), 1, call('STRLEN', key) - head - 32 - length)
            end
        end
        inParts('ZADD', KEYS[1], come)
        tally(KEYS[2])
        return 'done'
        """
    }
}
#endif
