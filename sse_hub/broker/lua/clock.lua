-- Defines next_fence(key, floor): returns the next fence, and does not change the clock in `key`.
-- Defines publish_fence(key, fences, channel, fence): sets that clock to `fence`, adds it to the stream `fences` if it is
-- the first in its tenth of a second, and publishes it on `channel`.
-- Defines require_settled(key, fences, left, channel, floor): an error reply if lines could not be counted from a fence taken
-- now, or if the hubs have just left this server, as the key `left` says; else nil.
--
-- The floor keeps fences rising when the server has lost its data or its clock was set back. A clock or a floor more
-- than a day ahead is ignored: it is not from a hub, and would stop all hubs for that long.
--
-- In a cluster, the clock and what is published are "fence node tenure": the node that has ordered the lines since the
-- fence `tenure`. A fence reaches the subscribers of all nodes, but only at this node it stands at the same place among
-- the lines for all of them.

local settle_ms = 100

-- %.0f: the default format would round so large a number.
local function digits(number)
    return string.format('%.0f', number)
end

local function in_cluster(key)
    return string.sub(key, 1, 1) == '{'
end

local function next_fence(key, floor)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local fence = now
    for _, last in ipairs({string.match(redis.call('GET', key) or '0', '^%d+'), floor}) do
        last = tonumber(last) or 0
        if last < now + 86400000 then
            fence = math.max(fence, last + 1)
        end
    end
    return fence
end

-- Since which fence the node has ordered the lines, and its id.
local function tenure_of(key, fence)
    local node, tenure = string.match(redis.call('GET', key) or '', '^%d+ (%S+) (%d+)$')
    local this = redis.call('CLUSTER', 'MYID')
    return node == this and tonumber(tenure) or fence, this
end

local function publish_fence(key, fences, channel, fence)
    local last = tonumber(string.match(redis.call('GET', key) or '0', '^%d+')) or 0
    local clock = digits(fence)
    if in_cluster(key) then
        local tenure, node = tenure_of(key, fence)
        clock = clock .. ' ' .. node .. ' ' .. digits(tenure)
    end
    -- A full server refuses this. The fence is still valid, since the server's own clock goes on. One that may not write
    -- at all is not the one to order lines, or no longer.
    local set = redis.pcall('SET', key, clock)
    if set.err and (string.find(set.err, 'NOREPLICAS', 1, true) or string.find(set.err, 'READONLY', 1, true)) then
        error(set.err, 0)
    end
    if not set.err and math.floor(last / 100) ~= math.floor(fence / 100) then
        redis.pcall('XADD', fences, 'MAXLEN', '~', 1000, digits(fence) .. '-0', 'n', '')
    end
    redis.call('PUBLISH', channel, clock)
end

local function require_settled(key, fences, left, channel, floor)
    if not in_cluster(key) then
        -- An account of before may lack the right to ask.
        return redis.pcall('EXISTS', left) == 1 and redis.error_reply('TRYAGAIN The hubs have left this server.') or nil
    end
    local fence = next_fence(key, floor)
    local tenure = tenure_of(key, fence)
    if fence - tenure >= settle_ms then
        return nil
    end
    if tenure == fence then
        -- The first fence of this node: from now on it takes only so long.
        publish_fence(key, fences, channel, fence)
    end
    return redis.error_reply('TRYAGAIN This node has just begun to order the lines.')
end
