-- Defines next_fence(key, floor): the next fence by the clock in `key`, which is not moved yet.
-- Defines publish_fence(key, channel, fence): moves that clock to `fence`, and publishes it.
--
-- The floor keeps fences rising when the server has lost its memory or its clock was set back. A clock or a floor
-- more than a day ahead is not ours: believed, it would stop all hubs for that long.

-- %.0f: the default format of a number this large would round it.
local function digits(number)
    return string.format('%.0f', number)
end

local function next_fence(key, floor)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local fence = now
    for _, last in ipairs({redis.call('GET', key) or '0', floor}) do
        last = tonumber(last) or 0
        if last < now + 86400000 then
            fence = math.max(fence, last + 1)
        end
    end
    return fence
end

local function publish_fence(key, channel, fence)
    -- A server whose memory is full refuses this. The fence is good all the same: the clock goes on.
    redis.pcall('SET', key, digits(fence))
    redis.call('PUBLISH', channel, digits(fence))
end
