package pubsub_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

// TestDigest holds the definition fast: every broker, also a script inside Redis, must
// come to the same values. They were computed by
//
//	printf 00000000ID | sha1sum | cut -c1-8
func TestDigest(t *testing.T) {
	var d pubsub.Digest
	for _, step := range []struct {
		id   string
		want pubsub.Digest
	}{
		{"01890a5d-ac96-774b-bcce-b302099a8057", 0xeda9ebc4},
		{"01890a5d-ac96-774b-bcce-b302099a8058", 0x7c04e79c},
		{"00000000-0000-0000-0000-000000000000", 0x2c919025},
		{"ffffffff-ffff-ffff-ffff-ffffffffffff", 0x2ec0ca2a},
	} {
		d = d.Next(uuid.MustParse(step.id))
		same(t, step.id, step.want, d)
	}
}

func TestDigestDoesNotAllocate(t *testing.T) {
	d, id := pubsub.Digest(0), uuid.New()
	same(t, "allocations", 0, testing.AllocsPerRun(100, func() { d = d.Next(id) }))
}

func BenchmarkDigestNext(b *testing.B) {
	d, id := pubsub.Digest(0), uuid.New()
	b.ReportAllocs()
	for b.Loop() {
		d = d.Next(id)
	}
}
