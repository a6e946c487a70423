-- Removes the beginning of the outbox: alerts that all destinations have behind them.
--
-- KEYS[1]  the lease: string, see lease.lua
-- KEYS[2]  the outbox: stream, see keys.py
-- ARGV[1]  what the lease must be: "token start" of the calling process
-- ARGV[2]  the first id to be kept
-- returns  how many were removed; -1 when another process has the lease

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return -1
end
return redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
