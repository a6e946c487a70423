-- Defines next_fence(key, floor): returns the next fence, and does not change the clock in `key`.
-- Defines publish_fence(key, channel, fence): sets that clock to `fence`, and publishes `fence` on `channel`.
--
-- The floor keeps fences rising when the server has lost its data or its clock was set back. A clock or a floor more
-- than a day ahead is ignored: it is not from a hub, and would stop all hubs for that long.

-- %.0f: the default format would round so large a number.
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
    -- A full server refuses this. The fence is still valid, since the server's own clock goes on.
    redis.pcall('SET', key, digits(fence))
    redis.call('PUBLISH', channel, digits(fence))
end
