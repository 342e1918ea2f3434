-- Looks whether the log still has what it once had. If it does not, a scar is appended: an entry
-- that takes an offset, is given to nobody, and tells everyone who passes it of a gap. While this
-- master lives, one is enough for all that stood up to there: it lost what it lacks before it
-- became one. What stood behind may have been acknowledged by the old one since.
--
-- ARGV 6, 7, 8 epoch, offset and digest of a position that was acknowledged or announced
--      9 body of the scar, beginning with its id (36 bytes), 10 its size in bytes
--      11 PUBLISH or SPUBLISH, 12 what stands behind the record's name in the topic
--
-- Returns whether a scar was appended.
if not load() or r.epoch ~= ARGV[6] then return 0 end
local offset = tonumber(ARGV[7])
if offset <= r.offset then
  local there = offset >= r.front and look(offset)
  if not there or there.digest == ARGV[8] then return 0 end
end
local master = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local scarred, to = string.match(redis.call('HGET', record, 'scar') or '', '^(%x+) (%d+)$')
if scarred == master and tonumber(to) >= offset then return 0 end
local wrong = trim(true) -- a log that expired begins with the scar
if wrong then return wrong end

r.offset, r.time, r.total = r.offset + 1, math.max(now, r.time), r.total + tonumber(ARGV[10])
r.digest = string.sub(redis.sha1hex(r.digest .. string.sub(ARGV[9], 1, 36)), 1, 8)
local pos = at(r.offset, r.digest)
local entry = '\1s' .. pos .. ' ' .. whole(r.time) .. ' ' .. whole(r.total) .. ' ' .. ARGV[9]
if count == 0 then
  r.front, r.fdigest, r.ftotal = r.offset, r.digest, r.total
else
  redis.call('XADD', log, whole(r.offset) .. '-0', 'm', entry)
  local expires = r.time + age + math.ceil(age / 16)
  redis.call('PEXPIRE', log, expires - now)
  save('lx', expires)
end
save('o', r.offset, 'd', r.digest, 't', r.time, 'b', r.total, 'fo', r.front, 'fd', r.fdigest, 'fb', r.ftotal, 'scar', master .. ' ' .. whole(offset))
put_off()
redis.call(ARGV[11], record .. ARGV[12], entry)
return 1
