-- Decides who records: registers the calling process as a tap, one that could record, and gives it the lease, renews it
-- or takes it away, by what its rings hold.
--
-- KEYS[1]  the lease: string, "token start" of the recorder
-- KEYS[2]  the watermark: string, the fence up to which the log is complete, ms
-- KEYS[3]  the taps: hash, token -> "held first_fence seen_at"
-- KEYS[4]  the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py; starts where the log does
-- KEYS[5]  the channels: hash, see keys.py
-- ARGV[1]  token of the calling process
-- ARGV[2]  start: fence since which its rings have got every line; '' while it has no session, or fills its rings:
--          then it can't record
-- ARGV[3]  first_fence: fence since which its rings have lines, perhaps with gaps among them; '' before the first
-- ARGV[4]  how long the lease is valid, ms
-- ARGV[5]  how long a tap that does not call counts as alive, ms
-- ARGV[6]  why there is no log before `first_fence`, the reason of a gap, if the caller may begin a new log; else '':
--          the other processes must have had the time to register
-- ARGV[7]  held: fence since which its rings still have every line, or will have once they are filled; '' while it has
--          no session
-- returns  {role, watermark, others}: role is 0 if the caller does not have the lease, 1 if it has it, 2 if it has just
--          got it, 3 if it has begun a new log; watermark is -1 if there is none; others is the number of other
--          processes whose rings reach back to the watermark, or lack less of what comes after it

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token, start, first_fence, held = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[7])
local watermark = tonumber(redis.call('GET', KEYS[2]) or '')

-- A full server refuses this, since it needs room. The process that has the lease keeps it: that needs none.
local words = (held and ARGV[7] or '-') .. ' ' .. (first_fence and ARGV[3] or '-') .. ' ' .. string.format('%.0f', now)
redis.pcall('HSET', KEYS[3], token, words)
-- What the log would lack if a process recorded: nothing; or what was missed in a cut, less if its session has begun
-- earlier; or also what came before its first line.
local function rank(its_held, its_first_fence)
    if not watermark or its_first_fence > watermark then
        return {2, its_first_fence}
    end
    return its_held > watermark and {1, its_held} or {0, 0}
end
local mine = held and first_fence and rank(held, first_fence)
local others = 0
local taps = redis.call('HGETALL', KEYS[3])
for i = 1, #taps, 2 do
    if taps[i] ~= token then
        local its_held, its_first_fence, seen_at = string.match(taps[i + 1], '^(%S+) (%S+) (%S+)$')
        if not seen_at or math.abs(now - tonumber(seen_at)) > tonumber(ARGV[5]) then
            redis.call('HDEL', KEYS[3], taps[i])
        elseif tonumber(its_held) then
            local its = rank(tonumber(its_held), tonumber(its_first_fence))
            if its[1] == 0 or mine and (its[1] < mine[1] or its[1] == mine[1] and its[2] < mine[2]) then
                others = others + 1
            end
        end
    end
end

local covers = start and held and watermark and held <= watermark
local holder = redis.call('GET', KEYS[1])
local claim = token .. ' ' .. ARGV[2]
if holder and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[4]) then
    -- The server's clock was set back: the lease of a dead process would not expire before that time comes again.
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if holder == claim and watermark then
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return {1, watermark, others}
end
if holder and string.match(holder, '^%S+') == token then
    -- Its session was cut, or the server has lost its data: it must take the lease like any other process.
    redis.call('DEL', KEYS[1])
    holder = false
end
-- If no rings reach back to the watermark, the process that lacks the least takes over; what it lacks becomes a gap.
local may = covers or (start and others == 0 and (watermark or ARGV[6] ~= ''))
if holder or not may then
    return {0, watermark or -1, others}
end
local taken = redis.pcall('SET', KEYS[1], claim, 'PX', ARGV[4])
if taken.err then
    return redis.error_reply(taken.err)
end
if watermark then
    return {2, watermark, others}
end
redis.call('DEL', KEYS[4])
redis.call('XADD', KEYS[4], ARGV[3] .. '-0', 'a', '0', 'r', ARGV[6], 't', time[1] .. '.' .. time[2])
redis.call('HSET', KEYS[5], KEYS[2], '0-0 0')
redis.call('SET', KEYS[2], ARGV[3])
return {3, first_fence, others}
