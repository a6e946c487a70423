-- Reads a page of a stream, in either direction, and what tells of the lines it has lost, in one step.
--
-- KEYS[1]  the stream
-- KEYS[2]  the channels: hash, see keys.py
-- KEYS[3]  the watermark: string
-- KEYS[4]  the breaks: stream, see keys.py
-- ARGV[1]  XRANGE or XREVRANGE
-- ARGV[2]  the bound to begin at, as that command takes it
-- ARGV[3]  the other bound
-- ARGV[4]  entries at most
-- ARGV[5]  the entry with which the page reaches this many bytes is its last
-- ARGV[6]  name of the channel
-- returns  {entries, more, length, deleted, known, watermark, first break, last break}: more is 1 when the page is
--          full; length is -1 when there is no such stream; deleted is the highest id that was deleted, '' where the
--          server does not tell; known is what KEYS[2] has of the channel, or ''
--
-- A count alone would not do: a stream may have a thousand small lines, and then a thousand of a megabyte each.

local wanted, bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local entries, size, more, from, step = {}, 0, 0, ARGV[2], 4

repeat
    step = math.min(step * 2, 64, wanted - #entries)
    local read = redis.call(ARGV[1], KEYS[1], from, ARGV[3], 'COUNT', step)
    for _, entry in ipairs(read) do
        entries[#entries + 1] = entry
        size = size + #entry[2][2]
        if #entries == wanted or size >= bytes then
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
