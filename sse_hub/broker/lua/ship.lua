-- Publishes lines of a file, and remembers in the same step how far the file has been published. Begins with clock.lua.
--
-- KEYS[1]  what has been shipped: hash, file -> offset in bytes; expires
-- KEYS[2]  the watermark: string, the fence up to which the log is complete
-- KEYS[3]  the clock: string, the last fence in ms since the epoch
-- ARGV[1]  the file
-- ARGV[2]  the offset at which the lines begin: they are published only if this is what KEYS[1] says
-- ARGV[3]  the offset at which they end
-- ARGV[4]  how long KEYS[1] is kept, ms
-- ARGV[5]  the channel of the lines
-- ARGV[6]  the channel on which fences are published
-- ARGV[7]  floor: integer, the highest fence the caller has seen (0 if none)
-- ARGV[8]  where fences are wanted: 'before' the lines, 'after' them, both or neither
-- ARGV[9..] the lines
-- returns  {told, offset, fence, watermark}: told 1 when they are published, 0 when KEYS[1] says otherwise, 2 when
--          nobody would hear them; offset is what KEYS[1] says now, fence the one after the lines, '' without one,
--          watermark '' without one

local watermark = redis.call('GET', KEYS[2]) or ''
local known = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if known ~= ARGV[2] then
    return {0, known, '', watermark}
end
-- A hub subscribes to fences last: one that has not yet could give the lines no ids.
local hubs = redis.call('PUBSUB', 'NUMSUB', ARGV[6])[2]
if hubs == 0 or redis.call('PUBSUB', 'NUMPAT') == 0 and redis.call('PUBSUB', 'NUMSUB', ARGV[5])[2] == 0 then
    return {2, known, '', watermark}
end

-- First of all: where this is refused, nothing has been published.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if string.find(ARGV[8], 'before') then
    publish_fence(KEYS[3], ARGV[6], next_fence(KEYS[3], ARGV[7]))
end
for at = 9, #ARGV do
    redis.call('PUBLISH', ARGV[5], ARGV[at])
end
if not string.find(ARGV[8], 'after') then
    return {1, ARGV[3], '', watermark}
end
local fence = next_fence(KEYS[3], ARGV[7])
publish_fence(KEYS[3], ARGV[6], fence)
return {1, ARGV[3], digits(fence), watermark}
