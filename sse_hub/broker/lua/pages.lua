-- Reads a page each of some streams, in either direction, and what says which lines the streams have lost, in one step.
--
-- KEYS[1]   the channels: hash, see keys.py
-- KEYS[2]   the watermark: string, see keys.py
-- KEYS[3]   the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py
-- KEYS[4]   the groups of forgotten channels: hash, see keys.py
-- KEYS[5..] the streams of channels
-- ARGV[1]   a number of bytes: once all pages together have reached it, no other stream is read
-- then      for each stream: XRANGE or XREVRANGE; the bound to start at, in the syntax of that command; the other bound;
--           the maximum number of entries; a number of bytes: the entry with which the page reaches it is the last; the
--           name of the channel; its group
-- returns   {watermark, first gap, last gap, page, …}; for each stream that was read a page: {entries, more, length, deleted, state,
--           forgotten}:
--           more is 1 when the page is full; length is -1 when there is no such stream; deleted is the highest id that
--           was deleted, '' if the server does not say; state is the value of the channel in KEYS[1], or '';
--           forgotten is that of its group in KEYS[4] where there is no state, or ''
--
-- A number of entries alone is not enough: a stream may have a thousand small lines, then a thousand of a megabyte each.

local total = 0

local function page(key, command, from, to, max_entries, bytes, name, group)
    local entries, size, more, step = {}, 0, 0, 4
    repeat
        step = math.min(step * 2, 64, max_entries - #entries)
        local read = redis.call(command, key, from, to, 'COUNT', step)
        for _, entry in ipairs(read) do
            entries[#entries + 1] = entry
            size = size + #entry[2][2]
            if #entries == max_entries or size >= bytes then
                more = 1
                break
            end
        end
        if #read > 0 then
            from = '(' .. read[#read][1]
        end
    until more == 1 or #read < step

    total = total + size
    local length, deleted = -1, ''
    local info = redis.pcall('XINFO', 'STREAM', key)
    if not info.err then
        for i = 1, #info, 2 do
            if info[i] == 'length' then
                length = info[i + 1]
            elseif info[i] == 'max-deleted-entry-id' then
                deleted = info[i + 1]
            end
        end
    end
    local state = redis.call('HGET', KEYS[1], name)
    return {
        entries, more, length, deleted, state or '', not state and redis.call('HGET', KEYS[4], group) or '',
    }
end

local reply = {
    redis.call('GET', KEYS[2]) or '',
    redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1),
    redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1),
}
for each = 5, #KEYS do
    if total >= tonumber(ARGV[1]) then
        break
    end
    local at = 1 + (each - 5) * 7
    reply[#reply + 1] = page(
        KEYS[each], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]),
        ARGV[at + 6], ARGV[at + 7]
    )
end
return reply
