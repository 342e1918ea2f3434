package redisbroker

import "github.com/redis/go-redis/v9/logging"

// go-redis writes to standard error by itself whenever a connection fails, in a form that no
// reader of JSON takes. The broker sees the same as errors.
func init() { logging.Disable() }
