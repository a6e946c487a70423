-- Forgets the names of channels of which nothing has been recorded since the caller looked.
--
-- KEYS[1]  the channels: hash, see keys.py
-- ARGV     name, what was read of it, name, …
-- returns  how many were forgotten

local forgotten = 0
for i = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
        forgotten = forgotten + redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
return forgotten
