-- Takes the next fence and publishes it, in one step, so that no line comes in between. Needs clock.lua before it.
--
-- KEYS[1]  the clock: string, the last fence in ms since the epoch
-- KEYS[2]  the fences: stream, see keys.py
-- ARGV[1]  floor: integer, the highest fence that the caller has received (0 if none)
-- ARGV[2]  the channel of fences
-- returns  the fence: integer, ms since the epoch; greater than all before

local fence = next_fence(KEYS[1], ARGV[1])
publish_fence(KEYS[1], KEYS[2], ARGV[2], fence)
return fence
