-- Reads a ticket and deletes it, in one step: of two requests with the same ticket, only one gets it.
--
-- KEYS[1]  the ticket: string, see keys.py
-- returns  the string; nil if there is none

local found = redis.call('GET', KEYS[1])
if found then
    redis.call('DEL', KEYS[1])
end
return found
