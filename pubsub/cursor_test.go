package pubsub_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestParseCursor(t *testing.T) {
	p := pubsub.Position{Epoch: "e", Offset: 7, Digest: 0xab}
	for s, want := range map[string]pubsub.Cursor{
		"":               nil,
		"a":              {{Channel: "a"}},
		"a@0":            {{Channel: "a", Start: pubsub.Start{Resume: true}}},
		"a@e-7-000000ab": {{Channel: "a", Start: pubsub.Behind(p)}},
		"b,a@0,c:1@e-7-000000ab": {
			{Channel: "b"}, {Channel: "a", Start: pubsub.Behind(pubsub.Position{})}, {Channel: "c:1", Start: pubsub.Behind(p)},
		},
	} {
		cursor, err := pubsub.ParseCursor(s, 3)
		if err != nil {
			t.Errorf("ParseCursor(%q): %v", s, err)
		}
		same(t, s, want, cursor)
		same(t, "the text", s, cursor.String())
	}
	for s, cause := range map[string]error{
		",":                         pubsub.ErrChannel,
		"a,":                        pubsub.ErrChannel,
		",a":                        pubsub.ErrChannel,
		"a,,b":                      pubsub.ErrChannel,
		"@0":                        pubsub.ErrChannel,
		"a b":                       pubsub.ErrChannel,
		"a@":                        pubsub.ErrPosition,
		"a@1":                       pubsub.ErrPosition,
		"a@0@0":                     pubsub.ErrPosition,
		"a, b":                      pubsub.ErrChannel,
		"a@e-7-000000AB":            pubsub.ErrPosition,
		"a,b,a":                     pubsub.ErrCursor,
		"a@0,a":                     pubsub.ErrCursor,
		"a,b,c,d":                   pubsub.ErrCursor,
		strings.Repeat("a,", 1<<20): pubsub.ErrCursor,
	} {
		cursor, err := pubsub.ParseCursor(s, 3)
		if !errors.Is(err, pubsub.ErrCursor) || !errors.Is(err, cause) || cursor != nil {
			t.Errorf("ParseCursor(%.40q) = %v, %v, want %v", s, cursor, err, cause)
		}
	}
}

func TestCursorFindAndSet(t *testing.T) {
	p := pubsub.Position{Epoch: "e", Offset: 7}
	cursor := pubsub.Cursor{{Channel: "a"}, {Channel: "b"}}
	if _, ok := cursor.Find("c"); ok {
		t.Error("c was found")
	}
	cursor = cursor.Set("b", p).Set("c", p)
	same(t, "the cursor", "a,b@e-7-00000000,c@e-7-00000000", cursor.String())
	for c, want := range map[pubsub.Channel]pubsub.Start{"a": {}, "b": pubsub.Behind(p), "c": pubsub.Behind(p)} {
		start, ok := cursor.Find(c)
		same(t, "found", true, ok)
		same(t, string(c), want, start)
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "a", "a@0", "a@e-7-000000ab,b", "a,a", ",", "a@", "a@0@0", "a,b,c,d,e,f,g,h,i"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cursor, err := pubsub.ParseCursor(s, 8)
		if err != nil {
			return
		}
		if back := cursor.String(); back != s {
			t.Fatalf("%q is also written %q", s, back)
		}
		if len(cursor) > 8 {
			t.Fatalf("%q has %d channels", s, len(cursor))
		}
		// A cursor is nothing but its entries, each a name and maybe a position.
		entries := strings.Split(s, ",")
		for i, mark := range cursor {
			name, pos, resume := strings.Cut(entries[i], "@")
			if string(mark.Channel) != name || mark.Start.Resume != resume {
				t.Fatalf("entry %q became %+v", entries[i], mark)
			}
			if resume && mark.Start.Pos.String() != pos {
				t.Fatalf("entry %q became %s", entries[i], mark.Start.Pos)
			}
			if start, ok := cursor.Find(mark.Channel); !ok || start != mark.Start {
				t.Fatalf("%s was found as %+v, %v", name, start, ok)
			}
		}
	})
}
