-- Removes channels that have recorded nothing since the caller read them.
--
-- KEYS[1]  the channels: hash, see keys.py
-- ARGV     name, the value that the caller read, name, …
-- returns  the number of channels removed

local removed = 0
for i = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
        removed = removed + redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
return removed
