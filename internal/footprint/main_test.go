package footprint

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asServer is set in the environment of the process that is the server.
const asServer = "WSBRIDGE_FOOTPRINT_SERVER"

// patience is how long a test waits for what must happen, a write or a read included.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}
