package redisbroker

import (
	"testing"

	"go.uber.org/goleak"
)

// A pool of go-redis that could not connect looks whether it can each second, and notices no sooner that it
// was closed.
const probing = "github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(probing)) }
