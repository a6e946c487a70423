-- Makes, replaces or removes a rule, unless somebody else has changed it since it was read.
--
-- KEYS[1]  the rules: hash, see `LogKeys.rules` in keys.py
-- ARGV[1]  the id of the rule
-- ARGV[2]  what it must be, as JSON; '' if it must not exist
-- ARGV[3]  what it is now, as JSON; '' to remove it
-- ARGV[4]  a text that no change had before
-- returns  1; 0 if it is something else, and then nothing was changed

if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
    return 0
end
if ARGV[3] == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
else
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('HSET', KEYS[1], '', ARGV[4])
return 1
