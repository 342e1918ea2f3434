-- Returns a part of the log, and what has to be known of it to place a reader.
--
-- ARGV 6 "behind" or "before", 7 and 8 epoch and offset of the position shown ('': none, which
--      is in front of the oldest kept, or behind the newest), 9 and 10 at most so many messages
--      and bytes (0: no bound), but one message at least; scars come along
--
-- Returns the front, the end, why something is missing in front of the front ("trimmed" or
-- "overflow"), the place in the log that the page lies behind or before, the place at the
-- page's other side, and the entries in the direction of reading.
if not load() then begin(ARGV[5]) end
local wrong = trim(true)
if wrong then return wrong end
put_off()

local backwards = ARGV[6] == 'before'
local limit, most = tonumber(ARGV[9]), tonumber(ARGV[10])
local place = r.front
if ARGV[7] == r.epoch and tonumber(ARGV[8]) >= r.front then
  place = math.min(tonumber(ARGV[8]), r.offset)
elseif ARGV[7] == '' and backwards then
  place = r.offset
end
local here = look(place)
if not here then return hole() end
local dropped = 'trimmed'
if r.lost == r.front and r.lost_time >= now - age and r.offset - r.front < count and r.total - r.ftotal < bytes then
  dropped = 'overflow' -- it would still be kept
end
local page = { at(r.front, r.fdigest), at(r.offset, r.digest), dropped, at(place, here.digest), '' }

local function head(item)
  local d, b = string.match(item[2][2], '^..[^-]+%-%d+%-(%x+) %d+ (%d+) ')
  return { digest = d, total = tonumber(b) }
end

local edge, there = place, here -- the page holds what is between place and edge
local last = backwards and r.front or r.offset
local messages, full, chunk = 0, false, 16
while not full and edge ~= last do
  local items
  if backwards then
    items = redis.call('XREVRANGE', log, whole(edge) .. '-0', whole(r.front + 1) .. '-0', 'COUNT', chunk)
  else
    items = redis.call('XRANGE', log, whole(edge + 1) .. '-0', '+', 'COUNT', chunk)
  end
  if #items == 0 then return hole() end
  for i, item in ipairs(items) do
    -- The place behind the page, had it this entry. Going back, that is the entry's elder.
    local far = backwards and edge - 1 or edge + 1
    local next = not backwards and head(item) or items[i + 1] and head(items[i + 1]) or look(far)
    if not next then return hole() end
    if messages > 0 and (messages >= limit or most > 0 and math.abs(next.total - here.total) > most) then
      full = true
      break
    end
    page[#page + 1] = item[2][2]
    if string.sub(item[2][2], 2, 2) == 'm' then messages = messages + 1 end
    edge, there = far, next
  end
  chunk = math.abs(there.total - here.total) < 65536 and 128 or 16
end
page[5] = at(edge, there.digest)
return page
