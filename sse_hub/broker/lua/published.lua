-- Tells what the log has of the lines that publish.lua published.
--
-- KEYS[1]  the stream of their channel
-- ARGV[1]  the fence before them
-- ARGV[2]  their number
-- returns  {lines, holes, sha1}: how many of them are there; how many marks of missing ones; the digest of the last
--          one, '' if that is not there

local from, last = ARGV[1] .. '-1', ARGV[1] .. '-' .. ARGV[2]
local lines, holes, sha1 = 0, 0, ''
repeat
    local read = redis.call('XRANGE', KEYS[1], from, last, 'COUNT', 64)
    for _, entry in ipairs(read) do
        if entry[2][1] == 'l' then
            lines = lines + 1
            if entry[1] == last then
                sha1 = redis.sha1hex(entry[2][2])
            end
        else
            holes = holes + 1
        end
        from = '(' .. entry[1]
    end
until #read < 64
return {lines, holes, sha1}
