-- Publishes lines between two fences, in one step: no other line, of any channel, comes between them, so the ids of
-- these are known. Begins with clock.lua.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- KEYS[2]  what was published under this request's key: string "fence count digest recorded"; only with such a key
-- ARGV[1]  floor: integer, the highest fence the caller has seen (0 if none)
-- ARGV[2]  the channel on which fences are published
-- ARGV[3]  the channel of the lines
-- ARGV[4]  digest of channel and body
-- ARGV[5]  how long KEYS[2] is kept, ms
-- ARGV[6..] the lines
-- returns  {fence, count, digest, recorded}: the n-th line has the id fence-n, and fence+1 is the fence after them;
--          when KEYS[2] is there already, what it says, and nothing is published

if KEYS[2] then
    local known = redis.call('GET', KEYS[2])
    if known then
        local fence, count, digest, recorded = string.match(known, '^(%d+) (%d+) (%x+) (%d)$')
        return {fence, count, digest, recorded}
    end
end

local fence = next_fence(KEYS[1], ARGV[1])
local count = #ARGV - 5
if KEYS[2] then
    -- First of all: where this is refused, nothing has been published.
    redis.call('SET', KEYS[2], digits(fence) .. ' ' .. count .. ' ' .. ARGV[4] .. ' 0', 'PX', ARGV[5])
end
publish_fence(KEYS[1], ARGV[2], fence)
for at = 6, #ARGV do
    redis.call('PUBLISH', ARGV[3], ARGV[at])
end
publish_fence(KEYS[1], ARGV[2], fence + 1)
return {digits(fence), tostring(count), ARGV[4], '0'}
