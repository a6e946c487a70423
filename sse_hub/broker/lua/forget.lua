-- Forgets channels, with their lines, of which there are too many.
--
-- KEYS[1]   the channels: hash, see keys.py
-- KEYS[2]   the channels by their last line: sorted set, see keys.py
-- KEYS[3]   the groups of forgotten channels: hash, see keys.py
-- KEYS[4..] the streams of channels
-- ARGV      for each stream: channel, its group, the value that the caller has read in KEYS[1]
-- returns   the number of channels forgotten: a channel that has got a line since is not

local forgotten = 0
for each = 4, #KEYS do
    local at = (each - 4) * 3
    local name, group, state = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    if redis.call('HGET', KEYS[1], name) == state then
        local fence = tonumber(string.match(state, '^%d+'))
        if fence > tonumber(redis.call('HGET', KEYS[3], group) or 0) then
            redis.call('HSET', KEYS[3], group, string.format('%.0f', fence))
        end
        redis.call('DEL', KEYS[each])
        redis.call('HDEL', KEYS[1], name)
        redis.call('ZREM', KEYS[2], name)
        forgotten = forgotten + 1
    end
end
return forgotten
