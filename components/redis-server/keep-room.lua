-- Removes the events that every service has acknowledged: Dapr leaves them in the stream for good. An event stays while
-- a service has not read it, or has read it and not acknowledged it yet. A dead letter stays until a replay has
-- acknowledged it. Returns 'full' when new events must be refused, and 'room' otherwise. The argument is the number of free
-- bytes on the disk of Redis; without it, the disk is not considered.

-- XINFO answers with a list of names and values.
local function groups_of(stream)
  local groups = {}
  for _, answer in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = {}
    for i = 1, #answer, 2 do
      group[answer[i]] = answer[i + 1]
    end
    table.insert(groups, group)
  end
  return groups
end

-- An entry id is two numbers, such as 1795630681205-0.
local function is_older(id, other)
  local ms, number = string.match(id, '(%d+)-(%d+)')
  local other_ms, other_number = string.match(other, '(%d+)-(%d+)')
  if ms ~= other_ms then
    return tonumber(ms) < tonumber(other_ms)
  end
  return tonumber(number) < tonumber(other_number)
end

local function remove_acknowledged(stream)
  local first_needed
  for _, group in ipairs(groups_of(stream)) do
    local oldest_unacknowledged = redis.call('XPENDING', stream, group.name)[2]
    local needed = oldest_unacknowledged or group['last-delivered-id']
    if not first_needed or is_older(needed, first_needed) then
      first_needed = needed
    end
  end
  if first_needed then -- without a group, nobody has read the stream
    redis.call('XTRIM', stream, 'MINID', first_needed)
  end
end

local function streams()
  local found, cursor = {}, '0'
  repeat
    local answer = redis.call('SCAN', cursor, 'COUNT', 1000, 'TYPE', 'stream')
    cursor = answer[1]
    for _, stream in ipairs(answer[2]) do
      found[stream] = true -- SCAN may return a key twice
    end
  until cursor == '0'
  return found
end

local services = 1
for stream in pairs(streams()) do
  -- Only replays subscribe to dead letters.
  if not string.find(stream, '-dead-letters', 1, true) then
    services = math.max(services, #groups_of(stream))
  end
  remove_acknowledged(stream)
end

-- Each accepted event may become a dead letter of every service, and Redis must have room for all of them: when it
-- refuses a dead letter, daprd acknowledges the event all the same, and the event is lost. So with two services, new
-- events are refused when 45 % of the memory is used. The rest covers the events of ten seconds.
local memory = redis.call('INFO', 'memory')
local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
local max = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if max > 0 and used > 0.9 * max / services then
  return 'full'
end

-- When the disk is full, Redis ends at every write. It needs disk to write its file anew, at most as much as memory, and
-- as much again for what the accepted events still write.
local free_disk = tonumber(ARGV[1])
return free_disk and free_disk < 2 * max and 'full' or 'room'
