package chaos

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
)

// payload makes data that carries its tag: JSON with an integer that a float cannot hold, or
// bytes. Most are small, some large.
func payload(r *rand.Rand, tag ledger.Tag) pubsub.Data {
	size := r.IntN(300)
	switch n := r.IntN(100); {
	case n == 0:
		size = r.IntN(32 << 10)
	case n < 8:
		size = r.IntN(4 << 10)
	}
	name := fmt.Sprintf("%q", tag.Publisher+"/"+strconv.Itoa(tag.N))
	if r.IntN(4) > 0 {
		pad := strings.Repeat("é\\n", size/4)
		return pubsub.Data{Kind: pubsub.JSON, Bytes: fmt.Appendf(nil, `[%s,9007199254740993,"%s"]`, name, pad)}
	}
	b := append([]byte(name), make([]byte, size)...)
	for i := len(name); i < len(b); i++ {
		b[i] = byte(r.Uint32())
	}
	return pubsub.Data{Kind: pubsub.Binary, Bytes: b}
}

// contentOf reads what payload wrote. Of anything else the tag is empty.
func contentOf(d pubsub.Data) (c ledger.Content) {
	sum := fnv.New64a()
	sum.Write([]byte{byte(d.Kind)})
	sum.Write(d.Bytes)
	c.Sum = sum.Sum64()
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(d.Bytes, []byte("[")), []byte(`"`))
	name, _, ok2 := bytes.Cut(rest, []byte(`"`))
	publisher, number, ok3 := strings.Cut(string(name), "/")
	n, err := strconv.Atoi(number)
	if ok && ok2 && ok3 && err == nil {
		c.Tag = ledger.Tag{Publisher: publisher, N: n}
	}
	return c
}

func TestPayload(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := make(map[pubsub.Kind]int)
	for n := range 300 {
		tag := ledger.Tag{Publisher: "p", N: n}
		d := payload(r, tag)
		kinds[d.Kind]++
		c := contentOf(d)
		if c.Tag != tag {
			t.Fatalf("the tag of %.40q is %v, want %v", d.Bytes, c.Tag, tag)
		}
		d.Bytes[len(d.Bytes)-1] ^= 1
		if contentOf(d).Sum == c.Sum {
			t.Fatalf("%.40q has the sum of another", d.Bytes)
		}
	}
	if kinds[pubsub.JSON] == 0 || kinds[pubsub.Binary] == 0 {
		t.Errorf("payloads by kind: %v", kinds)
	}
	for _, foreign := range []string{"", "x", `"p"`, `"p/x"`, `"p/1`, `["p`} {
		if c := contentOf(pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(foreign)}); c.Tag != (ledger.Tag{}) {
			t.Errorf("%q has the tag %v", foreign, c.Tag)
		}
	}
}
