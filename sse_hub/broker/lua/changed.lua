-- Reads which channels have had lines recorded since a fence, and in the same step which log it was.
--
-- KEYS[1]  the watermark: string, see keys.py
-- KEYS[2]  the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py
-- KEYS[3]  the channels: hash, see keys.py
-- KEYS[4]  the channels by their last line: sorted set, see keys.py
-- KEYS[5]  the groups of forgotten channels: hash, see keys.py
-- ARGV[1]  the fence, ms
-- ARGV[2]  the maximum number of channels
-- returns  {watermark, first gap, last gap, known, channels, fence, changes, forgotten}: known is 1 if KEYS[3] belongs to the log;
--          channels is how many there are in all; changes has a name and its value in KEYS[3] for each channel, in the
--          order of their last fences, the last of which is fence; it is '' where all changes are there; forgotten has the groups and
--          fences in KEYS[5]

local found = redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[1], '+inf', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
local names, changes = {}, {}
for i = 1, #found, 2 do
    names[#names + 1] = found[i]
end
if #names > 0 then
    for i, value in ipairs(redis.call('HMGET', KEYS[3], unpack(names))) do
        if value then
            changes[#changes + 1] = names[i]
            changes[#changes + 1] = value
        end
    end
end
return {
    redis.call('GET', KEYS[1]) or '',
    redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1),
    redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1),
    redis.call('HEXISTS', KEYS[3], KEYS[1]),
    redis.call('ZCARD', KEYS[4]),
    #names == tonumber(ARGV[2]) and found[#found] or '',
    changes,
    redis.call('HGETALL', KEYS[5]),
}
