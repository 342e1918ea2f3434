-- What all scripts but publish.lua begin with: the record of a channel, and how its log is
-- trimmed exactly.
--
-- KEYS 1 the record, 2 the log
-- ARGV 1, 2, 3 retention: messages (0: nothing is kept), milliseconds, bytes
--      4 time to live of the position, in milliseconds
--      5 epoch, should the log begin now
local record, log = KEYS[1], KEYS[2]
local count, age, bytes, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function whole(n) return string.format('%.0f', n) end -- .. writes 14 digits only

-- The record as a table: epoch; offset, digest, time and total of the end; the same of the
-- front (time: of the oldest kept); when it expires; the offset up to which Redis dropped
-- what it should have kept, and the time there.
local r

local function at(offset, digest) return r.epoch .. '-' .. whole(offset) .. '-' .. digest end

local function save(...) redis.call('HSET', record, ...) end

-- Does what may as well be done later, and reports whether it was done. Who only reads is served
-- also while Redis refuses to write, since its disk is full or replicas are missing. Not by a
-- replica: that may be behind.
local function try(...)
  local refusal = redis.pcall(...)
  if type(refusal) ~= 'table' or not refusal.err then return true end
  if string.find(refusal.err, 'READONLY', 1, true) then redis.call(...) end
  return false
end

local function put_off()
  local life = math.max(ttl, age)
  if r.expires < now + life then
    local expires = now + life + math.ceil(life / 16)
    if try('PEXPIRE', record, expires - now) then save('x', expires) end
  end
end

local function begin(epoch)
  redis.call('DEL', log)
  r = { epoch = epoch, offset = 0, digest = '00000000', time = 0, total = 0,
    front = 0, fdigest = '00000000', ftotal = 0, oldest = now, expires = 0, lost = -1, lost_time = 0 }
  redis.call('HDEL', record, 'v', 'vt', 'lx', 'scar')
  save('e', epoch, 'o', 0, 'd', r.digest, 't', 0, 'b', 0, 'fo', 0, 'fd', r.fdigest, 'fb', 0, 'ft', now)
  put_off()
end

-- Reports whether there is a record.
local function load()
  local h = redis.call('HMGET', record, 'e', 'o', 'd', 't', 'b', 'fo', 'fd', 'fb', 'ft', 'x', 'v', 'vt')
  if not h[1] then return false end
  r = { epoch = h[1], offset = tonumber(h[2]), digest = h[3], time = tonumber(h[4]), total = tonumber(h[5]),
    front = tonumber(h[6]), fdigest = h[7], ftotal = tonumber(h[8]), oldest = tonumber(h[9]),
    expires = tonumber(h[10] or 0), lost = tonumber(h[11] or -1), lost_time = tonumber(h[12] or 0) }
  return true
end

-- The head of what is kept at an offset.
local function look(offset)
  if offset == r.front then return { digest = r.fdigest, total = r.ftotal } end
  if offset == r.offset then return { digest = r.digest, total = r.total, time = r.time } end
  local place = whole(offset) .. '-0'
  local item = redis.call('XRANGE', log, place, place)[1]
  if not item then return nil end
  local d, t, b = string.match(item[2][2], '^..[^-]+%-%d+%-(%x+) (%d+) (%d+) ')
  return { digest = d, time = tonumber(t), total = tonumber(b) }
end

local function hole() return redis.error_reply('ERR the log lacks an entry between its front and its end') end

-- Finds the front: the first place such that what is behind it is within retention. With
-- keep, the log is cut there.
local function trim(keep)
  if r.front == r.offset then return end
  local front = r.offset
  if count > 0 and r.time >= now - age then
    local function fits(f)
      if r.offset - f > count then return false end
      if f == r.offset then return true end
      if f == r.front and r.total - r.ftotal <= bytes and r.oldest >= now - age then return true end
      local place, first = look(f), look(f + 1)
      if not place or not first then return nil end
      return r.total - place.total <= bytes and first.time >= now - age
    end
    if redis.call('EXISTS', log) == 0 then
      r.lost, r.lost_time = r.offset, r.time -- Redis dropped what it should have kept
    else
      local low, high, middle = r.front - 1, r.offset, r.front -- fits nowhere up to low, and at high
      repeat
        local good = fits(middle)
        if good == nil then return hole() end
        if good then high = middle else low = middle end
        middle = math.floor((low + high) / 2)
      until high - low <= 1
      front = high
    end
  end
  if front == r.front then return end
  local place = look(front)
  local first = front < r.offset and look(front + 1)
  r.fdigest, r.ftotal, r.front = place.digest, place.total, front
  r.oldest = first and first.time or now
  if not keep then return end
  local cut
  if front == r.offset then
    cut = try('DEL', log)
  else
    cut = try('XTRIM', log, 'MINID', whole(front + 1) .. '-0')
  end
  if not cut then return end
  save('fo', r.front, 'fd', r.fdigest, 'fb', r.ftotal, 'ft', r.oldest)
  if r.lost >= 0 then save('v', r.lost, 'vt', r.lost_time) end
end
