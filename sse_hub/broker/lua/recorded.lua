-- Counts how many lines of a call of publish.lua are in the log.
--
-- KEYS[1]  the stream of their channel
-- ARGV[1]  the fence before the lines
-- ARGV[2]  the number of lines
-- returns  {lines, gaps, sha1}: how many lines there are, and how many gaps among them; the SHA-1 of the last line, ''
--          if it is not there

local from, last = ARGV[1] .. '-1', ARGV[1] .. '-' .. ARGV[2]
local lines, gaps, sha1 = 0, 0, ''
repeat
    local read = redis.call('XRANGE', KEYS[1], from, last, 'COUNT', 64)
    for _, entry in ipairs(read) do
        if entry[2][1] == 'l' then
            lines = lines + 1
            if entry[1] == last then
                sha1 = redis.sha1hex(entry[2][2])
            end
        else
            gaps = gaps + 1
        end
        from = '(' .. entry[1]
    end
until #read < 64
return {lines, gaps, sha1}
