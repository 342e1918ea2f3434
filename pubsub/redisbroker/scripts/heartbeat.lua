-- Says that an instance lives, and forgets those that were not heard of for too long.
--
-- KEYS 1 the instances, a sorted set: when each was last heard of
-- ARGV 1 the id of the instance, 2 after how many milliseconds one is forgotten
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
