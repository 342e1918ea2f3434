package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Read implements [pubsub.Broker]. It always asks the master.
func (b *Broker) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	v, err := b.view(ctx, c, "behind", since, limit)
	if err != nil {
		return pubsub.Page{}, err
	}
	return v.page(c, v.shown(since, b.flaws)), nil
}

// ReadBack implements [pubsub.Broker].
func (b *Broker) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	v, err := b.view(ctx, c, "before", before, limit)
	if err != nil {
		return pubsub.Page{}, err
	}
	page := pubsub.Page{From: v.from, End: v.End, More: v.from.Offset > v.Front.Offset}
	if !before.IsZero() {
		_, page.Gap = pubsub.Resume(c, v.LogView, before)
	}
	for i := range v.entries {
		if v.entries[i].kind == kindMessage {
			page.Messages = append(page.Messages, v.messages[i])
		}
	}
	return page, nil
}

// A view is part of a log, and what places a reader in it, taken in one step.
type view struct {
	pubsub.LogView
	place    pubsub.Position   // where it was asked for: the entries are behind it, or in front of it
	from     pubsub.Position   // in front of the entries
	entries  []entry           // oldest first, each follows the one before it
	messages []*pubsub.Message // what they hold
}

// shown returns the position that a reader shows, as it is compared.
func (v *view) shown(p pubsub.Position, f flaws) pubsub.Position {
	if f.ignoreDigest && p.Epoch == v.End.Epoch && p.Offset == v.place.Offset {
		p.Digest = v.place.Digest
	}
	return p
}

// page gives a reader who shows p what the view holds behind it. A scar is a gap, and so the
// end of a page that holds messages in front of it.
func (v *view) page(c pubsub.Channel, p pubsub.Position) (page pubsub.Page) {
	page.From, page.Gap = pubsub.Resume(c, v.LogView, p)
	page.End = v.End
	at := page.From
	for i := range v.entries {
		e := &v.entries[i]
		if e.kind == kindScar {
			if len(page.Messages) > 0 {
				break
			}
			if page.Gap == nil {
				page.Gap = &pubsub.Gap{Channel: c, Reason: pubsub.Rollback, From: page.From}
			}
			page.Gap.To, page.From = e.pos, e.pos
		} else {
			page.Messages = append(page.Messages, v.messages[i])
		}
		at = e.pos
	}
	page.More = at != v.End
	return page
}

// view reads a part of the log of c, behind or before the position shown.
func (b *Broker) view(ctx context.Context, c pubsub.Channel, direction string, shown pubsub.Position, limit pubsub.Limit) (*view, error) {
	if err := b.refuse(ctx); err != nil {
		return nil, err
	}
	args := append(b.arguments(c), direction, string(shown.Epoch), shown.Offset, limit.Messages, limit.Bytes)
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	reply, err := readScript.Run(ctx, b.client, b.channelKeys(c), args...).StringSlice()
	var v *view
	if err == nil {
		v, err = parseView(c, reply, direction == "before")
	}
	if err != nil {
		return nil, b.failure(fmt.Errorf("reading the log of %s: %w", c, err))
	}
	return v, nil
}

func parseView(c pubsub.Channel, reply []string, backwards bool) (*view, error) {
	if len(reply) < 5 {
		return nil, fmt.Errorf("%w: the answer of a script", errDamaged)
	}
	v := new(view)
	var edge pubsub.Position
	var err [4]error
	v.Front, err[0] = pubsub.ParsePosition(reply[0])
	v.End, err[1] = pubsub.ParsePosition(reply[1])
	v.Dropped = pubsub.Reason(reply[2])
	v.place, err[2] = pubsub.ParsePosition(reply[3])
	edge, err[3] = pubsub.ParsePosition(reply[4])
	if err := errors.Join(err[:]...); err != nil {
		return nil, fmt.Errorf("%w: the answer of a script: %w", errDamaged, err)
	}
	v.DigestAt = func(offset uint64) pubsub.Digest {
		switch offset {
		case v.Front.Offset:
			return v.Front.Digest
		case v.End.Offset:
			return v.End.Digest
		}
		return v.place.Digest // the only other one that Resume asks for
	}
	texts, to := reply[5:], edge
	if v.from = v.place; backwards {
		v.from, to = edge, v.place
		slices.Reverse(texts)
	}
	at := v.from
	for _, text := range texts {
		e, err := parseEntry(text)
		if err != nil {
			return nil, err
		}
		if e.pos.Epoch == at.Epoch {
			e.pos.Epoch = at.Epoch // its own is a piece of the entry, all of whose bytes it would keep
		}
		m, err := e.message(c)
		if err != nil {
			return nil, err
		}
		if at.Next(m.ID) != e.pos {
			return nil, fmt.Errorf("%w: %s stands behind %s", errDamaged, e.pos, at)
		}
		at = e.pos
		v.entries, v.messages = append(v.entries, e), append(v.messages, m)
	}
	if at != to {
		return nil, fmt.Errorf("%w: nothing stands between %s and %s", errDamaged, at, to)
	}
	return v, nil
}

// channelKeys and arguments are what all scripts of log.lua take.
func (b *Broker) channelKeys(c pubsub.Channel) []string {
	return []string{b.keys.record(c), b.keys.log(c)}
}

func (b *Broker) arguments(c pubsub.Channel) []any {
	count, age, bytes := b.retention(c)
	return []any{count, age, bytes, b.o.PositionTTL.Milliseconds(), string(pubsub.NewEpoch())}
}

// retention returns what is kept of a channel, age in milliseconds; a count of 0: nothing is.
func (b *Broker) retention(c pubsub.Channel) (count int, age, bytes int64) {
	r := b.o.Retention(c)
	if r.Off() {
		return 0, 0, 0
	}
	return r.Count, max(1, r.Age.Milliseconds()), r.Bytes
}

// ends returns where the logs of channels end, and renews the lives of these positions. With
// an error, nothing is known of any.
func (b *Broker) ends(ctx context.Context, channels []pubsub.Channel) ([]pubsub.Position, error) {
	ends := make([]pubsub.Position, len(channels))
	err := b.each(ctx, endScript, channels, nil, func(i int, cmd *redis.Cmd) error {
		text, err := cmd.Text()
		if err == nil {
			ends[i], err = pubsub.ParsePosition(text)
		}
		return err
	})
	return ends, err
}

// peek tells of channels and changes nothing: neither are records made nor lives renewed. A
// channel without a record has a zero Pos.
func (b *Broker) peek(ctx context.Context, channels []pubsub.Channel) ([]pubsub.Info, error) {
	infos := make([]pubsub.Info, len(channels))
	err := b.each(ctx, peekScript, channels, nil, func(i int, cmd *redis.Cmd) error {
		infos[i].Channel = channels[i]
		reply, err := cmd.Slice()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil || len(reply) != 2 {
			return errors.Join(err, errDamaged)
		}
		pos, _ := reply[0].(string)
		kept, _ := reply[1].(string)
		if infos[i].Pos, err = pubsub.ParsePosition(pos); err != nil {
			return err
		}
		_, err = fmt.Sscan(kept, &infos[i].Retained)
		return err
	})
	return infos, err
}

// inspect tells of one channel, which is known from then on.
func (b *Broker) inspect(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	v, err := b.view(ctx, c, "before", pubsub.Position{}, pubsub.Limit{Messages: 1})
	if err != nil {
		return pubsub.Info{}, err
	}
	return pubsub.Info{Channel: c, Pos: v.End, Retained: int(v.End.Offset - v.Front.Offset)}, nil
}

const eachChunk = 512

// each runs a script of log.lua for channels, in pipelines, with what more returns as further
// arguments. What fails is as if nothing had been run: these scripts may be repeated.
func (b *Broker) each(ctx context.Context, s *redis.Script, channels []pubsub.Channel,
	more func(i int) []any, result func(i int, cmd *redis.Cmd) error,
) error {
	for first := 0; first < len(channels); first += eachChunk {
		chunk := channels[first:min(first+eachChunk, len(channels))]
		cmds := make([]*redis.Cmd, len(chunk))
		for try := 0; try == 0 || try == 1 && lacksScript(cmds); try++ {
			if try > 0 {
				if err := b.loadScripts(ctx); err != nil {
					return b.failure(err)
				}
			}
			pipe := b.client.Pipeline()
			for i, c := range chunk {
				args := b.arguments(c)
				if more != nil {
					args = append(args, more(first+i)...)
				}
				cmds[i] = s.EvalSha(ctx, pipe, b.channelKeys(c), args...)
			}
			pipe.Exec(ctx) // every command has its own error
		}
		for i, cmd := range cmds {
			if err := result(first+i, cmd); err != nil {
				return b.failure(err)
			}
		}
	}
	return nil
}

func lacksScript(cmds []*redis.Cmd) bool {
	return slices.ContainsFunc(cmds, func(cmd *redis.Cmd) bool { return redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") })
}
