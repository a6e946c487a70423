-- Publishes lines, each of them once: a line whose key exists was published before. Needs clock.lua before it.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- KEYS[2]  the fences: stream, see keys.py
-- KEYS[3]  whether the hubs have left: string, see keys.py
-- KEYS[4]  the keys of the same subject: sorted set, one of KEYS[5..] --> fence
-- KEYS[5..] what says that a line was published: string, the fence before it; one for each line
-- ARGV[1]  floor: integer, the highest fence that the caller has received (0 if none)
-- ARGV[2]  the channel of fences
-- ARGV[3]  the channel of the lines
-- ARGV[4]  how long they are kept, ms
-- ARGV[5]  how many of them are kept: the newest
-- ARGV[6..] the lines
-- returns  the last fence before one of the lines
-- TRYAGAIN  nothing was published, see require_settled() in clock.lua

local unsettled = require_settled(KEYS[1], KEYS[2], KEYS[3], ARGV[2], ARGV[1])
if unsettled then
    return unsettled
end
local fence = next_fence(KEYS[1], ARGV[1])
local last = 0
local lines = {}
for at = 5, #KEYS do
    -- First: if the server refuses this, nothing has been published.
    if redis.call('SET', KEYS[at], digits(fence), 'NX', 'PX', ARGV[4]) then
        redis.call('ZADD', KEYS[4], digits(fence), KEYS[at])
        lines[#lines + 1] = ARGV[at + 1]
    else
        last = math.max(last, tonumber(redis.call('GET', KEYS[at])))
    end
end
if #lines == 0 then
    return digits(last)
end
redis.call('PEXPIRE', KEYS[4], ARGV[4])
local excess = redis.call('ZCARD', KEYS[4]) - ARGV[5]
if excess > 0 then
    for _, oldest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', '+inf', 'LIMIT', 0, excess)) do
        redis.call('DEL', oldest)
        redis.call('ZREM', KEYS[4], oldest)
    end
end
publish_fence(KEYS[1], KEYS[2], ARGV[2], fence)
for _, line in ipairs(lines) do
    redis.call('PUBLISH', ARGV[3], line)
end
publish_fence(KEYS[1], KEYS[2], ARGV[2], fence + 1)
return digits(fence)
