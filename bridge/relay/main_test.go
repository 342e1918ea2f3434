package relay

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silence is an exchange with one other instance, from which nothing comes.
type silence struct{}

func (silence) Instance() string                                         { return "here" }
func (silence) Receive(func([]byte))                                     {}
func (silence) Send(context.Context, string, []byte) error               { return nil }
func (silence) Put(context.Context, string, []byte, time.Duration) error { return nil }
func (silence) Get(context.Context, string) ([]byte, error) {
	return []byte(`{"channel":"a","type":"a/b","size":-1,"origin":"there"}`), nil
}
