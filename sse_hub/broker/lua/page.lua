-- Reads a page of a stream, in either direction, and what says which lines the stream has lost, in one step.
--
-- KEYS[1]  the stream of a channel
-- KEYS[2]  the channels: hash, see keys.py
-- KEYS[3]  the watermark: string, see keys.py
-- KEYS[4]  the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py
-- ARGV[1]  XRANGE or XREVRANGE
-- ARGV[2]  the bound to start at, in the syntax of that command
-- ARGV[3]  the other bound
-- ARGV[4]  the maximum number of entries
-- ARGV[5]  a number of bytes: the entry with which the page reaches it is the last
-- ARGV[6]  the name of the channel
-- returns  {entries, more, length, deleted, state, watermark, first gap, last gap}: more is 1 when the page is full;
--          length is -1 when there is no such stream; deleted is the highest id that was deleted, '' if the server
--          does not say; state is the value of the channel in KEYS[2], or ''
--
-- A number of entries alone is not enough: a stream may have a thousand small lines, then a thousand of a megabyte each.

local max_entries, bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local entries, size, more, from, step = {}, 0, 0, ARGV[2], 4

repeat
    step = math.min(step * 2, 64, max_entries - #entries)
    local read = redis.call(ARGV[1], KEYS[1], from, ARGV[3], 'COUNT', step)
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

local length, deleted = -1, ''
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if not info.err then
    for i = 1, #info, 2 do
        if info[i] == 'length' then
            length = info[i + 1]
        elseif info[i] == 'max-deleted-entry-id' then
            deleted = info[i + 1]
        end
    end
end
return {
    entries, more, length, deleted, redis.call('HGET', KEYS[2], ARGV[6]) or '', redis.call('GET', KEYS[3]) or '',
    redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1), redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1),
}
