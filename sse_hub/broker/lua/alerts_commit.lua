-- Writes down what the evaluator of alerts has done, all of it or nothing: alerts, how far it is, the states of rules.
--
-- KEYS[1]   the lease: string, see lease.lua
-- KEYS[2]   how far the rules are: hash, see `LogKeys.alert_state` in keys.py
-- KEYS[3]   the outbox: stream, see keys.py
-- KEYS[4..] the groups of rules: hashes, see keys.py
-- ARGV[1]   what the lease must be: "token start" of the calling process
-- ARGV[2]   how far the rules must be, "fence n channel"; '' if that must not be known
-- ARGV[3]   how far they are now
-- ARGV[4]   the number of alerts; then each as JSON
-- then for each rule of KEYS[4..]: its id, the head of its state, the number of groups to set, key and state of each,
--           the number of groups to remove, and the key of each. If the head is '', the rule is gone with all it has
-- returns   1; 0 when another process has the lease, or the rules are elsewhere, and then nothing was changed

if redis.call('GET', KEYS[1]) ~= ARGV[1] or (redis.call('HGET', KEYS[2], '') or '') ~= ARGV[2] then
    return 0
end
local at = 3

local function take()
    at = at + 1
    return ARGV[at]
end

for _ = 1, tonumber(take()) do
    -- First: if the server refuses this, nothing has been changed.
    redis.call('XADD', KEYS[3], '*', 'a', take())
end
redis.call('HSET', KEYS[2], '', ARGV[3])
for each = 4, #KEYS do
    local rule, head = take(), take()
    if head == '' then
        redis.call('HDEL', KEYS[2], rule)
        redis.call('DEL', KEYS[each])
    else
        redis.call('HSET', KEYS[2], rule, head)
    end
    for _ = 1, tonumber(take()) do
        local key = take()
        redis.call('HSET', KEYS[each], key, take())
    end
    for _ = 1, tonumber(take()) do
        redis.call('HDEL', KEYS[each], take())
    end
end
return 1
