-- Takes a process from those that record, because it ends, or because it has died and nobody need wait for its lease to
-- run out.
--
-- KEYS[1]  the lease, see lease.lua
-- KEYS[2]  the taps, see lease.lua
-- ARGV[1]  token of the process
-- returns  1 when the lease was its own and is free now, else 0

redis.call('HDEL', KEYS[2], ARGV[1])
if string.match(redis.call('GET', KEYS[1]) or '', '^%S+') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
