-- Forgets channels that have recorded nothing for a long time.
--
-- KEYS[1]  the channels: hash, see keys.py
-- KEYS[2]  the channels by their last line: sorted set, see keys.py
-- ARGV[1]  the fence before which their last lines were, ms
-- ARGV[2]  the maximum number of channels
-- returns  the number of channels forgotten

local names = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
if #names > 0 then
    redis.call('HDEL', KEYS[1], unpack(names))
    redis.call('ZREM', KEYS[2], unpack(names))
end
return #names
