-- Forgets the log and begins the next epoch of the same name. Idempotency keys stay, and so
-- does what senders numbered.
--
-- ARGV 6 PUBLISH or SPUBLISH, 7 what stands behind the record's name in the topic
--
-- Returns the new position.
local epoch = ARGV[5]
if load() then
  -- An epoch is a name of eight letters and how often it was purged, see pubsub.Epoch.
  local next = string.sub(r.epoch, 1, 8) .. whole((tonumber(string.sub(r.epoch, 9)) or 0) + 1)
  if #r.epoch >= 8 and #next <= 16 then epoch = next end
end
begin(epoch)
local pos = at(0, r.digest)
redis.call(ARGV[6], record .. ARGV[7], '\1b' .. pos .. ' ' .. whole(now) .. ' 0 ')
return pos
