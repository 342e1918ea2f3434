package bridge

import "testing"

func TestQueueIsBoundedInBytes(t *testing.T) {
	var q queue
	if !q.push(Reply(make([]byte, 5000)), 1000) {
		t.Fatal("an empty queue must take an item of any size")
	}
	if q.push(Reply("x"), 1000) {
		t.Fatal("a queue over its bound took another item")
	}
	limit := Limit{Messages: 10, Bytes: 10}
	if got := q.take(nil, &limit); len(got) != 1 {
		t.Fatalf("took %d items; the first is given whatever its size", len(got))
	}
	if !q.empty() || q.bytes != 0 {
		t.Fatalf("empty %v, %d bytes", q.empty(), q.bytes)
	}
}

func TestQueueKeepsOrderInPieces(t *testing.T) {
	var q queue
	next, want := byte(0), byte(0)
	for round := range 200 {
		for range round % 7 {
			q.push(Reply{next}, 1<<20)
			next++
		}
		limit := Limit{Messages: 100, Bytes: round % 5}
		for _, it := range q.take(nil, &limit) {
			if got := it.(Reply)[0]; got != want {
				t.Fatalf("took %d, want %d", got, want)
			}
			want++
		}
		if len(q.items) > 2*(len(q.items)-q.head)+1 && !q.empty() {
			t.Fatalf("%d of %d places are taken items", q.head, len(q.items))
		}
	}
}

func TestQueueLetsGoOfABurst(t *testing.T) {
	var q queue
	for range 1000 {
		q.push(Reply("x"), 1<<20)
	}
	limit := Limit{Messages: 1, Bytes: 1 << 20}
	q.take(nil, &limit)
	if cap(q.items) != 0 {
		t.Fatalf("an empty queue keeps room for %d items", cap(q.items))
	}
}
