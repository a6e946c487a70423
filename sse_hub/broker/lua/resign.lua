-- Removes a process from the taps, and frees the lease if it is its own: it stops, or it has died, and nobody need wait
-- for its lease to expire.
--
-- KEYS[1]  the lease: string, see lease.lua
-- KEYS[2]  the taps: hash, see lease.lua
-- ARGV[1]  token of the process
-- returns  1 if the process had the lease, which is free now, else 0

redis.call('HDEL', KEYS[2], ARGV[1])
if string.match(redis.call('GET', KEYS[1]) or '', '^%S+') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
