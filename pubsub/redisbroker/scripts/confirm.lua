-- Writes something of no consequence behind a message of the log, for WAIT to cover.
--
-- ARGV 6, 7, 8 epoch, offset and digest of the message
--
-- Returns whether this master has the message: another one may have been promoted meanwhile.
if not load() then return 0 end
if r.epoch == ARGV[6] then
  if r.offset < tonumber(ARGV[7]) then return 0 end
  local there = tonumber(ARGV[7]) >= r.front and look(tonumber(ARGV[7]))
  if there and there.digest ~= ARGV[8] then return 0 end
else
  -- A purge that came behind the message is enough, see pubsub.Epoch.
  local function purges(epoch) return tonumber(string.sub(epoch, 9)) or 0 end
  if string.sub(r.epoch, 1, 8) ~= string.sub(ARGV[6], 1, 8) or purges(r.epoch) < purges(ARGV[6]) then return 0 end
end
redis.call('PEXPIRE', record, math.max(1, r.expires - now))
return 1
