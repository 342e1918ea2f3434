package membroker

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
	"pgregory.net/rapid"
)

// TestModel does at random what can be done to one channel, and compares every answer
// with those of a plain list that remembers everything.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// The script is drawn first, since rapid cannot draw inside a bubble of virtual time.
		r := pubsub.Retention{
			Count: rapid.IntRange(0, 12).Draw(rt, "count"),
			Age:   time.Duration(rapid.IntRange(1, 300).Draw(rt, "age")) * time.Second,
			Bytes: int64(rapid.IntRange(1, 12).Draw(rt, "bytes")) * 500,
		}
		script := rapid.SliceOfN(rapid.Custom(drawStep), 1, 120).Draw(rt, "script")
		var failure string
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, r)
			for i, s := range script {
				if diff := m.do(s); diff != "" {
					failure = fmt.Sprintf("step %d, %+v: (-want +got)\n%s", i, s, diff)
					return
				}
			}
		})
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}

// A step is one call of the broker, or sleep. What its numbers mean depends on it.
type step struct {
	Do      string
	A, B, C int
}

func drawStep(t *rapid.T) step {
	return step{
		Do: rapid.SampledFrom([]string{
			"publish", "publish", "publish", "publish", "key", "read", "read", "read", "back", "sleep", "purge", "rollback", "follow",
		}).Draw(t, "do"),
		A: rapid.IntRange(0, 200).Draw(t, "a"),
		B: rapid.IntRange(0, 20).Draw(t, "b"),
		C: rapid.IntRange(0, 20).Draw(t, "c"),
	}
}

// modelTTL is short, so that scripts outlive it.
const modelTTL = 4 * time.Minute

// A model is the broker under test and the list it is compared with.
type model struct {
	broker    *Broker
	recorder  *pubsubtest.Recorder
	retention pubsub.Retention

	epoch    pubsub.Epoch // empty: not known yet
	purged   []pubsub.Epoch
	log      []*pubsub.Message // of this epoch, all that were not rolled back
	dropped  int               // of them
	touched  time.Time
	followed bool
	events   []pubsubtest.Event
	keys     []modelKey
	shown    []pubsub.Position // all positions there ever were
}

type modelKey struct {
	key     string
	message *pubsub.Message
	at      time.Time
}

func newModel(t *testing.T, r pubsub.Retention) *model {
	s := start(t, Options{Retention: keep(r), PositionTTL: modelTTL})
	return &model{broker: s.Broker, recorder: s.recorder, retention: r}
}

const modelChannel pubsub.Channel = "a"

// do makes a step and returns how its answer differs from the model's.
func (m *model) do(s step) string {
	ctx := context.Background()
	if s.Do == "sleep" {
		time.Sleep(time.Duration(s.A*s.A) * 10 * time.Millisecond)
		return ""
	}
	m.age()
	if m.epoch == "" {
		info, err := m.broker.Info(ctx, modelChannel)
		if err != nil || info.Pos.Offset != 0 || info.Retained != 0 {
			return fmt.Sprintf("a new life begins with %+v, %v", info, err)
		}
		for _, p := range m.shown {
			if p.Epoch == info.Pos.Epoch {
				return "a new life has an old epoch"
			}
		}
		m.epoch = info.Pos.Epoch
		m.shown = append(m.shown, info.Pos)
	}
	m.touched = time.Now()

	switch s.Do {
	case "publish", "key":
		p := pubsubtest.NewPublication(modelChannel, fmt.Sprint(s.B%2))
		if s.Do == "key" {
			p.Key = fmt.Sprint(s.C % 3)
		} else if s.B > 10 {
			p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, s.A*8)}
		}
		want, wantErr := m.publish(p)
		got, err := m.broker.Publish(ctx, p)
		if !errors.Is(err, wantErr) {
			return fmt.Sprintf("error %v, want %v", err, wantErr)
		}
		return cmp.Diff(want, got) + m.announced()
	case "read":
		p, limit := m.forge(s), pubsub.Limit{Messages: s.B + 1, Bytes: s.C * 300}
		got, err := m.broker.Read(ctx, modelChannel, p, limit)
		return cmp.Diff(m.read(p, limit), got) + difference(err)
	case "back":
		p, limit := m.forge(s), pubsub.Limit{Messages: s.B + 1, Bytes: s.C * 300}
		got, err := m.broker.ReadBack(ctx, modelChannel, p, limit)
		return cmp.Diff(m.readBack(p, limit), got) + difference(err)
	case "purge":
		got, err := m.broker.Purge(ctx, modelChannel)
		if err != nil || got.Offset != 0 || got.Digest != 0 || got.Epoch == m.epoch {
			return fmt.Sprintf("purged to %s, %v", got, err)
		}
		m.purged = append(m.purged, m.epoch)
		m.epoch, m.log, m.dropped = got.Epoch, nil, 0
		m.shown = append(m.shown, got)
		m.broke()
		return m.announced()
	case "rollback":
		keep := max(m.dropped, len(m.log)-s.B%4)
		m.log = m.log[:keep]
		for n := len(m.keys); n > 0; n-- {
			if p := m.keys[n-1].message.Pos; p.Epoch != m.epoch || p.Offset <= uint64(keep) {
				break
			}
			m.keys = m.keys[:n-1]
		}
		m.broke()
		got, err := m.broker.Rollback(ctx, modelChannel, uint64(keep))
		return cmp.Diff(m.at(keep), got) + difference(err) + m.announced()
	case "follow":
		if m.followed = !m.followed; m.followed {
			got, err := m.broker.Follow(ctx, modelChannel)
			return cmp.Diff(m.at(len(m.log)), got) + difference(err)
		}
		m.broker.Unfollow(modelChannel)
		return ""
	}
	panic(s.Do)
}

func difference(err error) string {
	if err == nil {
		return ""
	}
	return "error: " + err.Error()
}

// age lets go what is over by now.
func (m *model) age() {
	now := time.Now()
	m.trim()
	for len(m.keys) > 0 && now.Sub(m.keys[0].at) > pubsub.IdempotencyWindow {
		m.keys = m.keys[1:]
	}
	if !m.followed && m.dropped == len(m.log) && now.Sub(m.touched) > modelTTL {
		m.epoch, m.purged, m.log, m.dropped = "", nil, nil, 0
	}
}

// trim drops messages until what is left fits all three.
func (m *model) trim() {
	for ; m.dropped < len(m.log); m.dropped++ {
		kept := m.log[m.dropped:]
		var bytes int64
		for _, k := range kept {
			bytes += int64(k.Size())
		}
		if len(kept) <= m.retention.Count && bytes <= m.retention.Bytes && time.Since(kept[0].Time) <= m.retention.Age {
			return
		}
	}
}

func (m *model) publish(p pubsub.Publication) (pubsub.Receipt, error) {
	for _, k := range m.keys {
		if p.Key != k.key || p.Key == "" {
			continue
		}
		if !cmp.Equal(p.Data, k.message.Data) {
			return pubsub.Receipt{}, pubsub.ErrKeyReused
		}
		first := &pubsub.Message{Channel: modelChannel, ID: k.message.ID, Pos: k.message.Pos}
		return pubsub.Receipt{Message: first, Duplicate: true}, nil
	}
	end := m.at(len(m.log))
	message := &pubsub.Message{
		Channel: modelChannel, ID: p.ID, Data: p.Data, Time: time.Now().Truncate(time.Millisecond),
		Pos: pubsub.Position{Epoch: m.epoch, Offset: end.Offset + 1, Digest: naiveDigest(end.Digest, p.ID)},
	}
	m.log = append(m.log, message)
	m.trim()
	m.shown = append(m.shown, message.Pos)
	if m.followed {
		m.events = append(m.events, pubsubtest.Event{Message: message})
	}
	if p.Key != "" {
		m.keys = append(m.keys, modelKey{p.Key, message, time.Now()})
	}
	return pubsub.Receipt{Message: message}, nil
}

// at returns the position behind the n-th message.
func (m *model) at(n int) pubsub.Position {
	if n == 0 {
		return pubsub.Position{Epoch: m.epoch}
	}
	return m.log[n-1].Pos
}

// forge returns a position that was shown once, or one that is made up from it.
func (m *model) forge(s step) pubsub.Position {
	p := m.shown[max(0, len(m.shown)-1-s.A%40)]
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
		p.Epoch = p.Epoch.Purged()
	case 5:
		p.Epoch = "elsewhere"
	}
	return p
}

// resume is the table of the contract once more, in other words.
func (m *model) resume(p pubsub.Position) (index int, gap *pubsub.Gap) {
	reason := pubsub.Reason("")
	switch {
	case p.IsZero():
		return m.dropped, nil
	case p.Epoch != m.epoch:
		index, reason = m.dropped, pubsub.Replaced
		for _, e := range m.purged {
			if p.Epoch == e {
				reason = pubsub.Purged
			}
		}
	case p.Offset < uint64(m.dropped):
		index, reason = m.dropped, pubsub.Trimmed
	case p.Offset > uint64(len(m.log)):
		index, reason = len(m.log), pubsub.Rollback
	default:
		index = int(p.Offset)
		if m.at(index).Digest != p.Digest {
			reason = pubsub.Rollback
		}
	}
	if reason != "" {
		gap = &pubsub.Gap{Channel: modelChannel, Reason: reason, From: p, To: m.at(index)}
	}
	return index, gap
}

func (m *model) read(p pubsub.Position, limit pubsub.Limit) pubsub.Page {
	i, gap := m.resume(p)
	page := pubsub.Page{Gap: gap, From: m.at(i), End: m.at(len(m.log))}
	bytes := 0
	for ; i < len(m.log); i++ {
		bytes += m.log[i].Size()
		if n := len(page.Messages); n > 0 && (n == limit.Messages || limit.Bytes > 0 && bytes > limit.Bytes) {
			page.More = true
			break
		}
		page.Messages = append(page.Messages, m.log[i])
	}
	return page
}

func (m *model) readBack(p pubsub.Position, limit pubsub.Limit) pubsub.Page {
	i, gap := len(m.log), (*pubsub.Gap)(nil)
	if !p.IsZero() {
		i, gap = m.resume(p)
	}
	page := pubsub.Page{Gap: gap, End: m.at(len(m.log))}
	bytes := 0
	for ; i > m.dropped; i-- {
		bytes += m.log[i-1].Size()
		if n := len(page.Messages); n > 0 && (n == limit.Messages || limit.Bytes > 0 && bytes > limit.Bytes) {
			page.More = true
			break
		}
		page.Messages = append([]*pubsub.Message{m.log[i-1]}, page.Messages...)
	}
	page.From = m.at(i)
	return page
}

func (m *model) broke() {
	if m.followed {
		m.events = append(m.events, pubsubtest.Event{})
	}
}

// announced returns how the announcements so far differ from those that were due.
func (m *model) announced() string { return cmp.Diff(m.events, m.recorder.Events(modelChannel)) }

func naiveDigest(before pubsub.Digest, id uuid.UUID) pubsub.Digest {
	sum := sha1.Sum(fmt.Appendf(nil, "%08x%s", uint32(before), id))
	return pubsub.Digest(binary.BigEndian.Uint32(sum[:]))
}
