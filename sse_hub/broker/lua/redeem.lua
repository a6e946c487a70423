-- Takes what a ticket is for, and the ticket with it, in one step: of two who come with it, one gets it.
--
-- KEYS[1]  the ticket: string
-- returns  the string; nil where there is none

local found = redis.call('GET', KEYS[1])
if found then
    redis.call('DEL', KEYS[1])
end
return found
