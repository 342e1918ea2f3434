package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
	"pgregory.net/rapid"
)

// TestModel does at random what can be done to one channel on a real Redis, by two instances and
// behind their backs, and compares every answer with those of a plain list that remembers
// everything.
func TestModel(t *testing.T) {
	server := redistest.Start(t)
	retention := new(atomic.Pointer[pubsub.Retention])
	retention.Store(&pubsub.Retention{})
	var subjects [2]*subject
	for i := range subjects {
		subjects[i] = start(t, server, func(o *Options) {
			o.Retention = func(pubsub.Channel) pubsub.Retention { return *retention.Load() }
		})
	}
	checks := 0
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.Custom(drawStep), 20, 60).Draw(rt, "script")
		checks++
		m := &model{
			server: server, subjects: subjects, shared: retention, keys: map[string]modelKey{}, skip: map[*subject]int{},
			modelLog: modelLog{channel: pubsub.Channel("model:" + strconv.Itoa(checks))},
		}
		defer m.leave()
		m.retain(step{A: 200, B: 20, C: 20})
		for i, s := range script {
			if diff := m.do(s); diff != "" {
				rt.Fatalf("step %d of %s, %+v, %+v: (-want +got)\n%s", i, m.channel, s, m.retention, diff)
			}
		}
	})
}

// A step is one thing that is done. What its numbers mean depends on it.
type step struct {
	Do      string
	A, B, C int
}

func drawStep(t *rapid.T) step {
	return step{
		Do: rapid.SampledFrom([]string{
			"nothing", "publish", "publish", "publish", "publish", "key", "key", "key", "batch", "batch", "batch", "race",
			"read", "read", "read", "read", "back", "back", "back", "walk", "look", "look",
			"retain", "retain", "retain", "retain", "follow", "purge", "scar", "scar",
			"lose the log", "lose the record", "lose an answer", "lose an entry", "lose the master",
		}).Draw(t, "do"),
		A: rapid.IntRange(0, 200).Draw(t, "a"),
		B: rapid.IntRange(0, 20).Draw(t, "b"),
		C: rapid.IntRange(0, 20).Draw(t, "c"),
	}
}

// A model is the brokers under test, and the list they are compared with.
type model struct {
	modelLog
	server   *redistest.Server
	subjects [2]*subject
	shared   *atomic.Pointer[pubsub.Retention]

	keys  map[string]modelKey
	shown []pubsub.Position // all positions there ever were
	races int

	followed  bool
	announced []pubsubtest.Event // since then
	skip      map[*subject]int   // how much each was told before
	before    int                // how many positions had been shown
}

// A modelKey is what was answered to an idempotency key.
type modelKey struct {
	message *pubsub.Message
	event   string
	data    pubsub.Data
}

// do makes a step, and returns how its answer differs from the model's.
func (m *model) do(s step) string {
	ctx := context.Background()
	broker := m.subjects[s.C%2]
	diff := ""
	m.fresh = len(m.entries)
	switch s.Do {
	case "nothing": // what shrinking makes of the steps that do not matter
		return ""
	case "retain":
		m.retain(s)
	case "publish", "key":
		diff = m.publish(broker, []pubsub.Publication{m.publication(s)})
	case "batch":
		var ps []pubsub.Publication
		for i := range 1 + s.A%12 {
			p := s
			p.A, p.B, p.C = (s.A*7+i*31)%200, (s.B+i)%21, s.C+i
			if p.Do = "publish"; i%3 == 1 {
				p.Do = "key"
			}
			ps = append(ps, m.publication(p))
		}
		diff = m.publish(broker, ps)
	case "race":
		diff = m.race(s)
	case "read", "back":
		diff = m.page(broker, s.Do, m.forge(s), m.limit(s))
	case "walk":
		diff = m.walk(broker, s)
	case "look":
		diff = m.look(ctx, broker, s)
	case "purge":
		got, err := broker.Purge(ctx, m.channel)
		want := pubsub.Position{Epoch: m.epoch.Purged()}
		if m.epoch == "" {
			want.Epoch = got.Epoch
			diff = m.renewed(got)
		} else {
			m.purged = append(m.purged, m.epoch)
		}
		diff += differ(want, got) + difference(err)
		m.begin(got.Epoch)
		m.shown = append(m.shown, got)
		m.tell(nil)
	case "follow":
		diff = m.follow(ctx)
	case "scar":
		diff = m.scar(ctx, broker, s)
	case "lose the log":
		m.server.Do("DEL", broker.keys.log(m.channel))
	case "lose the record":
		m.server.Do("DEL", broker.keys.record(m.channel))
		m.begin("")
		m.purged = nil
	case "lose an answer":
		key := strconv.Itoa(s.B % 3)
		m.server.Do("DEL", broker.keys.answer(m.channel, key))
		delete(m.keys, key)
	case "lose an entry":
		diff = m.hole(ctx, broker, s)
	case "lose the master":
		m.server.Do("HDEL", broker.keys.record(m.channel), "scar") // as another one would find it
		if m.scarred = 0; m.epoch == "" {
			m.server.Do("DEL", broker.keys.record(m.channel))
		}
	}
	return diff + m.settle(broker) + m.heard()
}

// retain changes what is kept, of what there is as well.
func (m *model) retain(s step) {
	r := pubsub.Retention{
		Count: []int{0, 1, 2, 3, 5, 8, 100, 10_000}[s.B%8],
		Age:   []time.Duration{time.Hour, 24 * time.Hour, time.Hour, time.Millisecond}[s.C%4],
		Bytes: []int64{200, 1000, 4000, 100 << 10, 300 << 10, 8 << 20, m.exactly(s.B)}[s.A%7],
	}
	m.retention = r
	m.shared.Store(&r)
}

func (m *model) limit(s step) pubsub.Limit {
	return pubsub.Limit{
		Messages: []int{1, 2, 3, 10, 100, 1000}[s.A%6],
		Bytes:    []int{0, 0, 1, int(m.exactly(s.C)), 5000, 200 << 10, 1 << 20}[s.B%7],
	}
}

// exactly returns the sizes of the newest n entries.
func (m *model) exactly(n int) int64 { return m.bytes(max(0, len(m.entries)-n), len(m.entries)) }

func (m *model) publication(s step) pubsub.Publication {
	p := pubsubtest.NewPublication(m.channel, strconv.Itoa(s.B%2))
	switch {
	case s.Do == "key":
		p.Key = strconv.Itoa(s.C % 3)
		p.Meta = map[string]string{"try": strconv.Itoa(s.A)}
	case s.B > 17:
		p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, s.A<<10)}
	case s.B > 10:
		p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, s.A*8)}
		p.From = &pubsub.Sender{User: strings.Repeat("u", s.C), Client: "c"}
	case s.B > 8:
		p.Data, p.Event = pubsub.Data{}, "event"
	}
	return p
}

// forge returns a position that was shown once, or one that is made up from it.
func (m *model) forge(s step) (p pubsub.Position) {
	if len(m.shown) > 0 {
		p = m.shown[max(0, len(m.shown)-1-s.A%40)]
	}
	switch s.C {
	case 0:
		return pubsub.Position{}
	case 1:
		p.Digest++
	case 2:
		p.Offset += uint64(s.B)
	case 3:
		p.Offset -= min(p.Offset, uint64(s.B))
	case 4:
		p.Epoch = "elsewhere"
	case 5:
		p.Epoch = p.Epoch.Purged()
	case 6:
		p.Offset = 1<<64 - 1
	}
	if p.Epoch == "" {
		return pubsub.Position{}
	}
	return p
}

// publish publishes a batch, and tells how each outcome differs from what is due.
func (m *model) publish(broker *subject, ps []pubsub.Publication) (diff string) {
	before := m.dropped
	for i, o := range broker.PublishBatch(context.Background(), ps) {
		known, repeated := m.keys[ps[i].Key]
		var want pubsub.Receipt
		var wantErr error
		switch {
		case repeated && (known.event != ps[i].Event || !cmp.Equal(known.data, ps[i].Data)):
			wantErr = pubsub.ErrKeyReused
		case repeated:
			want.Duplicate = true
			want.Message = &pubsub.Message{Channel: m.channel, ID: known.message.ID, Pos: known.message.Pos}
		case o.Err == nil && o.Receipt.Message != nil:
			want.Message, diff = m.add(ps[i], o.Receipt.Message, diff)
		}
		if !errors.Is(o.Err, wantErr) {
			diff += fmt.Sprintf("publication %d: error %v, want %v\n", i, o.Err, wantErr)
		}
		diff += differ(want, o.Receipt)
	}
	return diff + m.learn(broker, before)
}

// add appends a publication to the list, which takes only the time and a new epoch from got.
func (m *model) add(p pubsub.Publication, got *pubsub.Message, diff string) (*pubsub.Message, string) {
	if m.epoch == "" {
		diff += m.renewed(pubsub.Position{Epoch: got.Pos.Epoch})
		m.begin(got.Pos.Epoch)
	}
	end := m.end()
	message := &pubsub.Message{
		Channel: m.channel, ID: p.ID, Event: p.Event, Data: p.Data, From: p.From, Meta: p.Meta, Time: got.Time,
		Pos: pubsub.Position{Epoch: m.epoch, Offset: end.Offset + 1, Digest: naiveDigest(end.Digest, p.ID)},
	}
	if age := time.Since(got.Time); age < -time.Minute || age > time.Minute {
		diff += fmt.Sprintf("the message is of %v\n", got.Time)
	}
	m.append(message)
	m.shown = append(m.shown, message.Pos)
	if p.Key != "" {
		m.keys[p.Key] = modelKey{message, p.Event, p.Data}
	}
	m.tell(message)
	return message, diff
}

// race publishes from several goroutines, by both brokers at once, partly with the same keys.
func (m *model) race(s step) (diff string) {
	const racers = 4
	m.races++
	n := 1 + s.A%10
	var published, got [racers][]*pubsub.Message
	var failures [racers]error
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			for j := range n {
				p := pubsubtest.NewPublication(m.channel, strconv.Itoa(j))
				if j%2 == s.B%2 {
					p.Key = fmt.Sprintf("race-%d-%d", m.races, j)
				}
				receipt, err := m.subjects[(i+s.C)%2].Publish(context.Background(), p)
				if err != nil {
					failures[i] = err
					return
				}
				got[i] = append(got[i], receipt.Message)
				if !receipt.Duplicate {
					published[i] = append(published[i], receipt.Message)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failures[:]...); err != nil {
		return err.Error()
	}
	var all []*pubsub.Message
	for i := range racers {
		if !slices.IsSortedFunc(published[i], func(a, b *pubsub.Message) int { return int(a.Pos.Offset) - int(b.Pos.Offset) }) {
			diff += fmt.Sprintf("what racer %d published is out of order\n", i)
		}
		all = append(all, published[i]...)
	}
	slices.SortFunc(all, func(a, b *pubsub.Message) int { return int(a.Pos.Offset) - int(b.Pos.Offset) })
	if keyed := (n + 1 - s.B%2) / 2; len(all) != keyed+racers*(n-keyed) {
		diff += fmt.Sprintf("%d messages, with %d keys of %d\n", len(all), keyed, n)
	}
	before := m.dropped
	for _, message := range all {
		p := pubsub.Publication{ID: message.ID, Event: message.Event, Data: message.Data}
		want, d := m.add(p, message, "")
		diff += d + differ(want, message)
	}
	for j := range n {
		for i := range racers {
			if first := got[0][j]; j%2 == s.B%2 && (got[i][j].ID != first.ID || got[i][j].Pos != first.Pos) {
				diff += fmt.Sprintf("key %d was answered by %s and %s\n", j, first.Pos, got[i][j].Pos)
			}
		}
	}
	return diff + m.learn(m.subjects[0], before)
}

// page compares one page, and learns of the record that reading makes.
func (m *model) page(broker *subject, direction string, p pubsub.Position, limit pubsub.Limit) string {
	read, naive := broker.Read, m.read
	if direction == "back" {
		read, naive = broker.ReadBack, m.readBack
	}
	got, err := read(context.Background(), m.channel, p, limit)
	if err != nil {
		return difference(err)
	}
	diff := ""
	if m.epoch == "" {
		diff = m.renewed(pubsub.Position{Epoch: got.End.Epoch})
		m.begin(got.End.Epoch)
	}
	want, reasons := naive(p, limit)
	if want.Gap != nil && got.Gap != nil && slices.Contains(reasons, got.Gap.Reason) {
		want.Gap.Reason = got.Gap.Reason
	} else if want.Gap != nil {
		want.Gap.Reason = reasons[0]
	}
	return diff + differ(want, got)
}

// walk pages through all that is kept, in both directions.
func (m *model) walk(broker *subject, s step) string {
	limit := m.limit(s)
	diff, kept := m.page(broker, "read", pubsub.Position{}, limit), 0
	for at := m.at(m.dropped); diff == "" && at != m.end(); {
		page, _ := m.read(at, limit)
		diff = m.page(broker, "read", at, limit)
		kept += len(page.Messages)
		at = page.Last()
	}
	for at := m.end(); diff == "" && at != m.at(m.dropped); {
		page, _ := m.readBack(at, limit)
		diff = m.page(broker, "back", at, limit)
		kept -= len(page.Messages)
		at = page.From
	}
	if diff == "" && kept != 0 {
		diff = fmt.Sprintf("%d messages more forwards than backwards", kept)
	}
	return diff
}

// hole deletes an entry that is kept, looks what readers are told who would pass it, and then
// has Redis lose all of the log.
func (m *model) hole(ctx context.Context, broker *subject, s step) string {
	// Reading makes the front exact, so that what is deleted is kept.
	diff := m.page(broker, "read", pubsub.Position{}, pubsub.Limit{Messages: 1})
	if diff != "" || m.dropped == len(m.entries) {
		return diff
	}
	offset := m.dropped + 1 + s.A%(len(m.entries)-m.dropped)
	m.server.Do("XDEL", broker.keys.log(m.channel), strconv.Itoa(offset)+"-0")
	limit := m.limit(s)
	_, forth := walk(broker, m.channel, limit, broker.Read, pubsub.Position{}, (*pubsub.Page).Last)
	_, back := walk(broker, m.channel, limit, broker.ReadBack, pubsub.Position{}, func(p *pubsub.Page) pubsub.Position { return p.From })
	m.server.Do("DEL", broker.keys.log(m.channel))
	for way, err := range map[string]error{"forth": forth, "back": back} {
		if !errors.Is(err, pubsub.ErrUnavailable) || !strings.Contains(err.Error(), string(m.channel)) {
			return fmt.Sprintf("%s over the hole at %d: %v", way, offset, err)
		}
	}
	return ""
}
