-- Appends one message to the log of a channel and announces it, in one step.
--
-- KEYS 1 the record, 2 the log; with an idempotency key 3 the answer to it. Without 2 the log's
--      name is made from the record's: redis-benchmark cannot put one random name into two keys.
-- ARGV 1 body, beginning with the id (36 bytes)
--      2 size of the message in bytes
--      3, 4, 5 retention: messages (0: nothing is kept), milliseconds, bytes
--      6 time to live of the position, in milliseconds
--      7 epoch, should the log begin with this message
--      8 PUBLISH or SPUBLISH, 9 what stands behind the record's name in the topic
--      10 sender: who numbers its publications ('': nobody), 11 the number of this one, 12 the
--         number of its last one in the same channel, in this pipeline or acknowledged (0: none)
--      13 fingerprint of the content, 14 the window in milliseconds: with an idempotency key
--
-- Returns "new POS TIME" when the message is in the log, by this call or by an earlier one with
-- the same number or id; "dup POS ID" when its key was used before; "key" when that was for
-- other content; "wait" when the message in front of it is not in the log, yet or any more;
-- "sent" when an earlier call appended it, and where is no longer known.
local record, log = KEYS[1], KEYS[2] or KEYS[1] .. ':log'
local body, id = ARGV[1], string.sub(ARGV[1], 1, 36)
-- Adding 0 makes a number of text in half the time that tonumber takes.
local size, count, age, bytes, ttl = ARGV[2] + 0, ARGV[3] + 0, ARGV[4] + 0, ARGV[5] + 0, ARGV[6] + 0
local sender, number, before = 's:' .. ARGV[10], ARGV[11] + 0, ARGV[12] + 0
local numbered = ARGV[10] ~= ''

local function whole(n) return string.format('%d', n) end -- .. writes 14 digits only

-- The head of an entry: offset, digest, time, total.
local head = '^..[^-]+%-(%d+)%-(%x+) (%d+) (%d+) '

local r = redis.call('HMGET', record, 'e', 'o', 'd', 't', 'b', 'fo', 'fd', 'fb', 'ft', 'x', 'lx', sender)

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A repeat, by go-redis or by the lane. The numbers of a sender rise within a channel, so one
-- that is not above the last was executed before, or came too late to be.
local repeated = false
if numbered and r[12] then
  local last = string.match(r[12], '^%d+') + 0
  if number == last then
    local pos, at = string.match(r[12], ' (%S+) (%d+)$')
    if pos ~= '-' then return 'new ' .. pos .. ' ' .. at end
  elseif number < last then
    -- Most likely it is one of the newest: those behind it came in the same pipeline.
    local top = '+'
    for _ = 1, 16 do
      local items = redis.call('XREVRANGE', log, top, '-', 'COUNT', 32)
      for _, item in ipairs(items) do
        local pos, at, found = string.match(item[2][2], '^..(%S+) (%d+) %d+ (' .. string.rep('.', 36) .. ')')
        if found == id then return 'new ' .. pos .. ' ' .. at end
      end
      if not items[32] then break end
      top = '(' .. items[32][1]
    end
    repeated = true
  elseif last < before then
    return 'wait'
  end
elseif numbered and before > 0 then
  return 'wait'
end

local answer = KEYS[3] and redis.call('GET', KEYS[3])
if answer then
  local print, pos, first, at = string.match(answer, '^(%S+) (%S+) (%S+) (%S+)$')
  if repeated and first == id then return 'new ' .. pos .. ' ' .. at end
  -- Nothing was appended, but whoever comes behind it in the pipeline need not wait.
  if numbered and r[1] and not repeated then redis.call('HSET', record, sender, ARGV[11] .. ' - ' .. whole(now)) end
  if print ~= ARGV[13] then return 'key' end
  return 'dup ' .. pos .. ' ' .. first
end
if repeated then return 'sent' end

local epoch, offset, digest, newest, total = r[1], 0, '00000000', 0, 0
local front, fdigest, ftotal, oldest = 0, '00000000', 0, now
if epoch then
  offset, digest, newest, total = r[2] + 0, r[3], r[4] + 0, r[5] + 0
  front, fdigest, ftotal, oldest = r[6] + 0, r[7], r[8] + 0, r[9] + 0
else
  epoch = ARGV[7]
  redis.call('HSET', record, 'e', epoch) -- first of all: refused when memory is full, as DEL is not
  redis.call('DEL', log) -- a log without its record cannot be placed
end
local expires, lexpires = (r[10] or 0) + 0, (r[11] or 0) + 0
local begun, cut, lost = not r[1], false, nil

-- The clock may be set back; the times of a log never go back.
local at = math.max(now, newest)
local behind, btotal = digest, total
offset, total = offset + 1, total + size
digest = string.sub(redis.sha1hex(digest .. id), 1, 8)
-- Numbers as text, made once: Redis and Lua take longer for it than for the rest.
local offset_, at_, total_ = whole(offset), whole(at), whole(total)
local pos = epoch .. '-' .. offset_ .. '-' .. digest
local entry = '\1m' .. pos .. ' ' .. at_ .. ' ' .. total_ .. ' ' .. body

if count == 0 then
  if front < offset - 1 then redis.call('DEL', log) end
  front, fdigest, ftotal, cut = offset, digest, total, true
else
  local place = offset_ .. '-0'
  local added = not begun and redis.pcall('XADD', log, 'NOMKSTREAM', place, 'm', entry)
  -- A refusal, such as that memory is full, must come before DEL, which is never refused then.
  if type(added) == 'table' and not string.find(added.err, 'equal or smaller', 1, true) then return added end
  if type(added) ~= 'string' then
    -- Redis dropped it, to make room or since all of it was old.
    if front < offset - 1 and newest >= now - age then lost = offset - 1 end
    redis.call('DEL', log)
    redis.call('XADD', log, place, 'm', entry)
    front, lexpires = offset - 1, 0
  end
  if front == offset - 1 then fdigest, ftotal, oldest, cut = behind, btotal, at, true end
  if offset - front > count or total - ftotal > bytes or oldest < now - age then
    -- A few of the oldest, so that no publication pays for many; reading trims exactly.
    for _, item in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', 3)) do
      local o, d, t, b = string.match(item[2][2], head)
      if not o then break end -- cannot be read: whoever reads is told
      oldest = tonumber(t)
      if offset - front <= count and total - ftotal <= bytes and oldest >= now - age then break end
      front, fdigest, ftotal = tonumber(o), d, tonumber(b)
    end
    redis.call('XTRIM', log, 'MINID', whole(front + 1) .. '-0')
    cut = true
  end
  -- Expiry is put off when a sixteenth of it has gone, not for every message.
  if lexpires < at + age then
    lexpires = at + age + math.ceil(age / 16)
    redis.call('PEXPIRE', log, lexpires - now)
    redis.call('HSET', record, 'lx', lexpires)
  end
end

if numbered then
  redis.call('HSET', record, 'o', offset_, 'd', digest, 't', at_, 'b', total_, sender, ARGV[11] .. ' ' .. pos .. ' ' .. at_)
else
  redis.call('HSET', record, 'o', offset_, 'd', digest, 't', at_, 'b', total_)
end
if cut or begun then redis.call('HSET', record, 'fo', front, 'fd', fdigest, 'fb', ftotal, 'ft', oldest) end
if lost then redis.call('HSET', record, 'v', lost, 'vt', newest) end
local life = math.max(ttl, age)
if expires < now + life then
  expires = now + life + math.ceil(life / 16)
  redis.call('PEXPIRE', record, expires - now)
  redis.call('HSET', record, 'x', expires)
end
if numbered and not r[12] and redis.call('HLEN', record) > 64 then
  -- Senders of instances that are gone. Their repeats came within seconds, or never.
  local all = redis.call('HGETALL', record)
  for i = 1, #all, 2 do
    local t = string.sub(all[i], 1, 2) == 's:' and string.match(all[i + 1], ' (%d+)$')
    if t and tonumber(t) < now - 60000 then redis.call('HDEL', record, all[i]) end
  end
end
if KEYS[3] then
  redis.call('SET', KEYS[3], ARGV[13] .. ' ' .. pos .. ' ' .. id .. ' ' .. at_, 'PX', ARGV[14])
end
redis.call(ARGV[8], record .. ARGV[9], entry)
return 'new ' .. pos .. ' ' .. at_
