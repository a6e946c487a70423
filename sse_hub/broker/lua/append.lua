-- Appends lines to the log. Ids are explicit, and the same from every process: entries that exist are not changed.
--
-- KEYS[1]   the lease: string, see lease.lua
-- KEYS[2]   the watermark: string, the fence up to which the log is complete, ms
-- KEYS[3]   the channels: hash, see keys.py
-- KEYS[4]   the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py
-- KEYS[5]   the channels by their last line: sorted set, see keys.py
-- KEYS[6]   the groups of forgotten channels: hash, see keys.py
-- KEYS[7..] the streams of channels
-- ARGV[1]   what the lease must be: "token start" of the calling process
-- ARGV[2]   the new watermark, ms; '' for no change
-- ARGV[3]   how many lines of a channel are kept
-- ARGV[4]   how long lines are kept, ms
-- ARGV[5]   how many bytes of a channel are kept, about: what its stream takes
-- ARGV[6]   the number of gaps of the whole log; then for each: fence before, fence after, reason
-- then for each stream: channel, its group, number of pieces; for each piece: fence, first, count, then how many ms
--           after the fence the lines came, and count lines. If count is 0, it is a gap, lines up to the id fence-first
--           are missing, and "reason lost" stands instead of the ms
-- returns   the number of lines appended; -1 when another process has the lease, or the log is lost; or the names of
--           channels whose streams existed and have vanished, and then nothing was appended

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return -1
end
-- A server that is short of memory, or a person, may have deleted one of these, and the others mean nothing without it.
-- Then a new log is begun.
if not redis.call('GET', KEYS[2]) or redis.call('XLEN', KEYS[4]) == 0 or not redis.call('HGET', KEYS[3], KEYS[2]) then
    redis.call('DEL', KEYS[2])
    return -1
end
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[4]
local at = 5
local refused

local function take()
    at = at + 1
    return ARGV[at]
end

local function add(key, id, ...)
    if refused then
        return 0
    end
    local reply = redis.pcall('XADD', key, id, ...)
    if not reply.err then
        return 1
    end
    if not string.find(reply.err, 'equal or smaller', 1, true) then
        refused = reply.err
    end
    return 0
end

for _ = 1, tonumber(take()) do
    local before, after, reason = take(), take(), take()
    add(KEYS[4], after .. '-0', 'a', before, 'r', reason)
end

-- Read everything before the first write.
local streams, vanished = {}, {}
for each = 7, #KEYS do
    local stream = {key = KEYS[each], name = take(), pieces = {}, count = 0, bytes = 0}
    local group = take()
    for _ = 1, tonumber(take()) do
        local piece = {fence = take(), first = tonumber(take()), count = tonumber(take()), came = take(), at = at}
        at = at + piece.count
        stream.pieces[#stream.pieces + 1] = piece
    end
    local known = redis.call('HGET', KEYS[3], stream.name)
    if known then
        local last, count = string.match(known, '^(%S+) (%d+)$')
        stream.last, stream.count = last, tonumber(count)
        if stream.pieces[1].count > 0 and redis.call('EXISTS', stream.key) == 0 then
            if tonumber(string.match(last, '^%d+')) < oldest then
                stream.aged = last
            else
                -- A server that is short of memory has evicted it. The caller still has some of its lines.
                vanished[#vanished + 1] = stream.name
            end
        end
    else
        for _, newest in ipairs(redis.call('XREVRANGE', stream.key, '+', '-', 'COUNT', 1)) do
            -- This log is new, and the stream is left from the one before.
            stream.last, stream.count = newest[1], redis.call('XLEN', stream.key)
        end
        -- Perhaps it was recorded before, and forgotten.
        stream.forgotten = redis.call('HGET', KEYS[6], group)
    end
    streams[#streams + 1] = stream
end
if #vanished > 0 then
    return vanished
end

local appended = 0
for _, stream in ipairs(streams) do
    local key = stream.key
    local had = stream.count
    -- Lines from before that are appended again, by a process that has taken over, are not missing.
    if stream.forgotten and tonumber(stream.forgotten) < tonumber(stream.pieces[1].fence) then
        add(key, stream.forgotten .. '-0', 'g', 'trimmed -')
    end
    if stream.aged then
        add(key, stream.aged, 'g', 'trimmed -')
    end
    for _, piece in ipairs(stream.pieces) do
        if piece.count == 0 then
            local id = piece.fence .. '-' .. string.format('%.0f', piece.first)
            if add(key, id, 'g', piece.came) == 1 then
                stream.last = id
            end
        end
        for offset = 0, piece.count - 1 do
            local id = piece.fence .. '-' .. string.format('%.0f', piece.first + offset)
            local line = ARGV[piece.at + offset + 1]
            if add(key, id, 'l', line, 'm', piece.came) == 1 then
                stream.bytes = stream.bytes + #line
                appended, stream.count, stream.last = appended + 1, stream.count + 1, id
            end
        end
    end
    -- Trims after appending: a full server refuses no more commands of a script that has written once.
    local trimmed = redis.call('XTRIM', key, 'MAXLEN', '~', ARGV[3])
    -- Now and then: it takes longer than to append a line.
    if stream.bytes > 65536 or math.floor(had / 64) < math.floor(stream.count / 64) then
        local usage = redis.pcall('MEMORY', 'USAGE', key)
        -- An account without the right to ask keeps to the number of lines.
        if type(usage) == 'number' and usage > tonumber(ARGV[5]) then
            local kept = math.max(1, math.floor(redis.call('XLEN', key) * ARGV[5] / usage * 0.95))
            trimmed = trimmed + redis.call('XTRIM', key, 'MAXLEN', '~', kept)
        end
    end
    if trimmed + redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', oldest)) > 0 then
        -- XTRIM does not say how far it went. XDEL does, for good: in the stream's max-deleted-entry-id.
        for _, first in ipairs(redis.call('XRANGE', key, '-', '+', 'COUNT', 1)) do
            redis.call('XDEL', key, first[1])
        end
    end
    -- The fence in the id of a line is a little older than the line.
    redis.call('PEXPIRE', key, ARGV[4] + 5000)
    if stream.last then
        redis.call('HSET', KEYS[3], stream.name, stream.last .. ' ' .. string.format('%.0f', stream.count))
        redis.call('ZADD', KEYS[5], string.match(stream.last, '^%d+'), stream.name)
    end
end
if refused then
    return redis.error_reply(refused)
end
if ARGV[2] ~= '' then
    redis.call('SET', KEYS[2], ARGV[2])
end
-- Not by age: lines of a slow channel are kept much longer than they must be, and those from before the first gap count
-- as lost. And not at the start: a full server refuses no more commands of a script that has written once.
redis.call('XTRIM', KEYS[4], 'MAXLEN', '~', 1000)
return appended
