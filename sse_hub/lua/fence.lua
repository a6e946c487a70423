-- Takes the next fence and publishes it, in one step: nothing can come between the two.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- ARGV[1]  floor: integer, the highest fence the caller has seen (0 if none)
-- ARGV[2]  the channel on which fences are published
-- returns  the fence: integer, ms since the epoch; greater than every one before
--
-- The floor keeps fences rising when the server has lost its memory or its clock was set back. A clock or a floor
-- more than a day ahead is not ours: believed, it would stop all hubs for that long.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = now
for _, last in ipairs({redis.call('GET', KEYS[1]) or '0', ARGV[1]}) do
    last = tonumber(last) or 0
    if last < now + 86400000 then
        fence = math.max(fence, last + 1)
    end
end
-- %.0f: the default format of a number this large would round it.
local text = string.format('%.0f', fence)
-- A server whose memory is full refuses this. The fence is good all the same: the clock goes on.
redis.pcall('SET', KEYS[1], text)
redis.call('PUBLISH', ARGV[2], text)
return fence
