-- Publishes lines of a file, and stores in the same step how far the file was published. Needs clock.lua before it.
--
-- KEYS[1]  what was shipped: hash, file -> offset in bytes; expires
-- KEYS[2]  the watermark: string, the fence up to which the log is complete, ms
-- KEYS[3]  the clock: string, the last fence in ms since the epoch
-- KEYS[4]  the fences: stream, see keys.py
-- KEYS[5]  whether the hubs have left: string, see keys.py
-- ARGV[1]  the file
-- ARGV[2]  the offset of the first line: the lines are published only if KEYS[1] has the same
-- ARGV[3]  the offset after the last line
-- ARGV[4]  how long KEYS[1] is kept, ms
-- ARGV[5]  the channel of the lines
-- ARGV[6]  the channel of fences
-- ARGV[7]  floor: integer, the highest fence that the caller has received (0 if none)
-- ARGV[8]  where to publish fences: contains 'before' for one before the lines, 'after' for one after them
-- ARGV[9..] the lines
-- returns  {status, offset, fence, watermark}: status is 1 if they were published, 0 if KEYS[1] has another offset, 2
--          if no hub would receive them; offset is that in KEYS[1] now, '' if none; fence is the one after the lines,
--          '' if none; watermark is '' if none
-- TRYAGAIN  nothing was published, see require_settled() in clock.lua

local watermark = redis.call('GET', KEYS[2]) or ''
local known = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if known ~= ARGV[2] then
    return {0, known, '', watermark}
end
-- A hub subscribes to fences last. Before that, it could not give ids to the lines.
local hubs = redis.call('PUBSUB', 'NUMSUB', ARGV[6])[2]
if hubs == 0 or redis.call('PUBSUB', 'NUMPAT') == 0 and redis.call('PUBSUB', 'NUMSUB', ARGV[5])[2] == 0 then
    return {2, known, '', watermark}
end

local unsettled = require_settled(KEYS[3], KEYS[4], KEYS[5], ARGV[6], ARGV[7])
if unsettled then
    return unsettled
end

-- First: if the server refuses this, nothing has been published.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if string.find(ARGV[8], 'before') then
    publish_fence(KEYS[3], KEYS[4], ARGV[6], next_fence(KEYS[3], ARGV[7]))
end
for at = 9, #ARGV do
    redis.call('PUBLISH', ARGV[5], ARGV[at])
end
if not string.find(ARGV[8], 'after') then
    return {1, ARGV[3], '', watermark}
end
local fence = next_fence(KEYS[3], ARGV[7])
publish_fence(KEYS[3], KEYS[4], ARGV[6], fence)
return {1, ARGV[3], digits(fence), watermark}
