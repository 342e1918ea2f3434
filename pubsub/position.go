package pubsub

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// A Position is where a message stands in its channel, written EPOCH-OFFSET-DIGEST.
// Who shows one stands behind that message. The zero Position, written "0", stands in
// front of the oldest message kept; it is taken from clients and never given to them.
type Position struct {
	Epoch  Epoch
	Offset uint64 // counts 1, 2, 3, … without holes; 0 is in front of the first message ever
	Digest Digest
}

// ErrPosition says that a text is no position.
var ErrPosition = errors.New("bad position")

// ParsePosition reads what a client shows.
func ParsePosition(s string) (Position, error) {
	if s == "0" {
		return Position{}, nil
	}
	epoch, rest, ok := strings.Cut(s, "-")
	offset, digest, ok2 := strings.Cut(rest, "-")
	if !ok || !ok2 || !Epoch(epoch).valid() {
		return Position{}, positionError(s)
	}
	// ParseUint alone would take leading zeros: one position has one text.
	n, err := strconv.ParseUint(offset, 10, 64)
	if err != nil || (offset[0] == '0' && offset != "0") {
		return Position{}, positionError(s)
	}
	d, ok := parseDigest(digest)
	if !ok {
		return Position{}, positionError(s)
	}
	return Position{Epoch: Epoch(epoch), Offset: n, Digest: d}, nil
}

func positionError(s string) error {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return fmt.Errorf("%w: %q is neither EPOCH-OFFSET-DIGEST nor 0", ErrPosition, s)
}

// IsZero reports whether p stands in front of the oldest message kept.
func (p Position) IsZero() bool { return p == Position{} }

// Next returns the position of a message with the given id that follows p.
func (p Position) Next(id uuid.UUID) Position {
	return Position{Epoch: p.Epoch, Offset: p.Offset + 1, Digest: p.Digest.Next(id)}
}

// String returns EPOCH-OFFSET-DIGEST, or "0".
func (p Position) String() string { return string(p.AppendTo(nil)) }

// AppendTo appends what String returns.
func (p Position) AppendTo(b []byte) []byte {
	if p.IsZero() {
		return append(b, '0')
	}
	b = append(b, p.Epoch...)
	b = append(b, '-')
	b = strconv.AppendUint(b, p.Offset, 10)
	b = append(b, "-00000000"...)
	p.Digest.put(b[len(b)-8:])
	return b
}
