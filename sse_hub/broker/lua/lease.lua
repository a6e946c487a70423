-- Who records: registers a process as a tap, and gives it the lease, or takes it away, as its rings deserve.
--
-- KEYS[1]  the lease: string, "token start" of the recorder
-- KEYS[2]  the watermark: string, fence in ms
-- KEYS[3]  the taps: hash, token -> "held reach seen_at"
-- KEYS[4]  the breaks: stream, see keys.py; begins where the log does
-- KEYS[5]  the channels: hash, see keys.py
-- ARGV[1]  token of the calling process
-- ARGV[2]  start: fence since which its rings have every line; '' while it has no session, or mends its rings
-- ARGV[3]  reach: fence since which its rings have lines, perhaps with breaks among them; '' before the first
-- ARGV[4]  how long the lease is good, ms
-- ARGV[5]  how long a tap that says nothing counts as alive, ms
-- ARGV[6]  why there is no log before `reach`, if there is none now and it may be begun; '' while it may not: the
--          others must have had the time to register
-- ARGV[7]  held: fence since which its rings still have every line; '' with `start`
-- returns  {role, watermark, others}: role 1 holds the lease, 2 has just taken it, 3 has begun a new log, 0 has it
--          not; watermark -1 when there is none; others is the number of other processes whose rings reach back to it

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token, start, reach, held = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[7])
local watermark = tonumber(redis.call('GET', KEYS[2]) or '')

-- A full server refuses what needs room. Who has the lease already keeps it: that needs none.
local words = (held and ARGV[7] or '-') .. ' ' .. (reach and ARGV[3] or '-') .. ' ' .. string.format('%.0f', now)
redis.pcall('HSET', KEYS[3], token, words)
local others, best = 0, true
local taps = redis.call('HGETALL', KEYS[3])
for i = 1, #taps, 2 do
    if taps[i] ~= token then
        local its_held, its_reach, seen_at = string.match(taps[i + 1], '^(%S+) (%S+) (%S+)$')
        if not seen_at or math.abs(now - tonumber(seen_at)) > tonumber(ARGV[5]) then
            redis.call('HDEL', KEYS[3], taps[i])
        elseif tonumber(its_held) then
            if watermark and tonumber(its_held) <= watermark then
                others = others + 1
            end
            if reach and tonumber(its_reach) < reach then
                best = false
            end
        end
    end
end

local covers = held and watermark and held <= watermark
local holder = redis.call('GET', KEYS[1])
local claim = token .. ' ' .. ARGV[2]
if holder and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[4]) then
    -- The server's clock was set back: the lease of one who has died would not run out before that time comes again.
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if holder == claim and watermark then
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return {1, watermark, others}
end
if holder and string.match(holder, '^%S+') == token then
    -- Its session was cut, or the server has lost its memory: it must take the lease as any other.
    redis.call('DEL', KEYS[1])
    holder = false
end
-- Where nobody reaches back to the watermark, who reaches furthest takes over; what it lacks becomes a break.
local may = covers or (start and others == 0 and best and (watermark or ARGV[6] ~= ''))
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
return {3, reach, others}
