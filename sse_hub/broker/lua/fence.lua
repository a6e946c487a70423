-- Takes the next fence and publishes it, in one step: nothing can come between the two. Begins with clock.lua.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- ARGV[1]  floor: integer, the highest fence the caller has seen (0 if none)
-- ARGV[2]  the channel on which fences are published
-- returns  the fence: integer, ms since the epoch; greater than every one before

local fence = next_fence(KEYS[1], ARGV[1])
publish_fence(KEYS[1], ARGV[2], fence)
return fence
