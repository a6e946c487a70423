-- Publishes lines between two fences, in one step, so that their ids are known: no other line of any channel can come
-- between them. Needs clock.lua before it.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- KEYS[2]  the fences: stream, see keys.py
-- KEYS[3]  whether the hubs have left: string, see keys.py
-- KEYS[4]  what was published with this Idempotency-Key: string, "fence count digest recorded"; only if there is one
-- KEYS[5]  the Idempotency-Keys of the same subject: sorted set, KEYS[4] --> fence; not for handlers, which
--          delete KEYS[4] themselves
-- ARGV[1]  floor: integer, the highest fence that the caller has received (0 if none)
-- ARGV[2]  the channel of fences
-- ARGV[3]  the channel of the lines
-- ARGV[4]  digest of channel and body
-- ARGV[5]  how long KEYS[4] is kept, ms
-- ARGV[6]  how many Idempotency-Keys of a subject are kept: the newest
-- ARGV[7]  the number of lines
-- ARGV[8..] the lines, joined by LF if there are several, in any number of arguments
-- returns  {fence, count, digest, recorded}: the n-th line has the id fence-n, and fence+1 is the fence after them.
--          If KEYS[4] exists, its value, and nothing is published
-- TRYAGAIN  nothing was published, see require_settled() in clock.lua

if KEYS[4] then
    local known = redis.call('GET', KEYS[4])
    if known then
        local fence, count, digest, recorded = string.match(known, '^(%d+) (%d+) (%x+) (%d)$')
        return {fence, count, digest, recorded}
    end
end

local unsettled = require_settled(KEYS[1], KEYS[2], KEYS[3], ARGV[2], ARGV[1])
if unsettled then
    return unsettled
end
local fence = next_fence(KEYS[1], ARGV[1])
local count = tonumber(ARGV[7])
if KEYS[4] then
    -- First: if the server refuses this, nothing has been published.
    redis.call('SET', KEYS[4], digits(fence) .. ' ' .. count .. ' ' .. ARGV[4] .. ' 0', 'PX', ARGV[5])
end
if KEYS[5] then
    redis.call('ZADD', KEYS[5], digits(fence), KEYS[4])
    redis.call('PEXPIRE', KEYS[5], ARGV[5])
    local excess = redis.call('ZCARD', KEYS[5]) - ARGV[6]
    if excess > 0 then
        for _, oldest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', '+inf', 'LIMIT', 0, excess)) do
            redis.call('DEL', oldest)
            redis.call('ZREM', KEYS[5], oldest)
        end
    end
end
publish_fence(KEYS[1], KEYS[2], ARGV[2], fence)
for at = 8, #ARGV do
    local from = 1
    while from do
        -- A single line may have LF in it.
        local to = count > 1 and string.find(ARGV[at], '\n', from, true)
        redis.call('PUBLISH', ARGV[3], string.sub(ARGV[at], from, to and to - 1 or -1))
        from = to and to + 1
    end
end
publish_fence(KEYS[1], KEYS[2], ARGV[2], fence + 1)
return {digits(fence), tostring(count), ARGV[4], '0'}
