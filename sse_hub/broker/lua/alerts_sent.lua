-- Marks how far a destination is in the outbox, and puts an alert for each rule there whose alerts it could not be given.
--
-- KEYS[1]  the lease: string, see lease.lua
-- KEYS[2]  the outbox: stream, see keys.py
-- KEYS[3]  how far each destination is: hash, see keys.py
-- ARGV[1]  what the lease must be: "token start" of the calling process
-- ARGV[2]  the destination
-- ARGV[3]  "position waiting error" of the destination
-- ARGV[4..] alerts, as JSON
-- returns  1; 0 when another process has the lease, and then nothing was changed

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
for at = 4, #ARGV do
    -- First: if the server refuses this, nothing has been marked.
    redis.call('XADD', KEYS[2], '*', 'a', ARGV[at])
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return 1
