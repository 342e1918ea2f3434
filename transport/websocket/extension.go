package websocket

import (
	"strconv"
	"strings"
)

// DeflateOptions asks for permessage-deflate (RFC 7692). A nil pointer means no compression.
//
// The zero value is the frugal choice, on both sides: neither end carries its window from one message to the next, so an
// idle connection holds no compressor and no window, and a message compressed once serves all connections.
type DeflateOptions struct {
	// ServerContextTakeover and ClientContextTakeover let that end refer to earlier messages, which compresses streams of
	// small similar messages better. It costs its receiver up to 32 KiB and its sender up to 1 MiB a connection.
	ServerContextTakeover bool
	ClientContextTakeover bool
	// ServerMaxWindowBits and ClientMaxWindowBits bound the window of that end, 8 to 15 as the logarithm of bytes.
	// Default 15. Other values are moved into the range.
	ServerMaxWindowBits int
	ClientMaxWindowBits int
	// Level is the effort for own messages, 1 (fastest) to 9. Default 1. Windows below 15 bits have one level only.
	Level int
	// Threshold is the size in bytes from which own messages are compressed. Default 256; negative: all.
	Threshold int
}

const (
	defaultLevel     = 1
	defaultThreshold = 256
)

func (o *DeflateOptions) level() int {
	if o.Level == 0 {
		return defaultLevel
	}
	return max(1, min(o.Level, 9))
}

func (o *DeflateOptions) threshold() int {
	if o.Threshold == 0 {
		return defaultThreshold
	}
	return max(0, o.Threshold)
}

// DeflateParams is what both ends agreed on (RFC 7692, section 7.1).
type DeflateParams struct {
	ServerNoContextTakeover bool
	ClientNoContextTakeover bool
	ServerMaxWindowBits     int // 8 to 15
	ClientMaxWindowBits     int // 8 to 15
}

// of returns how the messages of a side are compressed.
func (p *DeflateParams) of(side Side) (noTakeover bool, windowBits int) {
	if side == ServerSide {
		return p.ServerNoContextTakeover, p.ServerMaxWindowBits
	}
	return p.ClientNoContextTakeover, p.ClientMaxWindowBits
}

// TakesDeflatedFrames reports whether the given side may write frames of [AppendDeflatedFrame]: compression was agreed on, p
// is not nil, and its messages neither refer to earlier ones nor are held to a window below 32 KiB.
func (p *DeflateParams) TakesDeflatedFrames(side Side) bool {
	if p == nil {
		return false
	}
	noTakeover, bits := p.of(side)
	return noTakeover && bits == maxWindowBits
}

const (
	deflateName = "permessage-deflate"

	paramServerNoTakeover = "server_no_context_takeover"
	paramClientNoTakeover = "client_no_context_takeover"
	paramServerBits       = "server_max_window_bits"
	paramClientBits       = "client_max_window_bits"

	minWindowBits = 8
	maxWindowBits = 15
)

// windowBits moves an option into the range of the parameters.
func windowBits(option int) int {
	if option == 0 {
		return maxWindowBits
	}
	return max(minWindowBits, min(option, maxWindowBits))
}

// deflateParameters are the parameters of one offer or response. Bits are 0 when absent.
type deflateParameters struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int
	clientBitsHint                     bool // client_max_window_bits without a value
}

// parseDeflate reads the parameters of an offer or response. ok is false when there is an unknown or repeated one, or a
// value that is missing, superfluous or out of range: such an offer is declined (RFC 7692, section 7.1), such a response
// fails the connection. Only an offer may carry client_max_window_bits without a value (section 7.1.2.2).
func parseDeflate(params []parameter, offer bool) (d deflateParameters, ok bool) {
	seen := 0
	for _, p := range params {
		flag := 0
		switch strings.ToLower(p.name) {
		case paramServerNoTakeover:
			flag, ok = 1, !p.hasValue
			d.serverNoTakeover = true
		case paramClientNoTakeover:
			flag, ok = 2, !p.hasValue
			d.clientNoTakeover = true
		case paramServerBits:
			flag = 4
			d.serverBits, ok = parseBits(p)
		case paramClientBits:
			flag = 8
			if !p.hasValue && offer {
				d.clientBitsHint, ok = true, true
			} else {
				d.clientBits, ok = parseBits(p)
			}
		default:
			return d, false
		}
		if !ok || seen&flag != 0 {
			return d, false
		}
		seen |= flag
	}
	return d, true
}

// parseBits reads a window size: 8 to 15, decimal, without leading zeros (RFC 7692, section 7.1.2).
func parseBits(p parameter) (int, bool) {
	switch p.value {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		bits, err := strconv.Atoi(p.value)
		return bits, err == nil
	}
	return 0, false
}

// acceptDeflate chooses the first offer of the client that can be met and returns what to answer, or nil when there is
// none or the server does not compress.
func acceptDeflate(offers []extension, o *DeflateOptions) *DeflateParams {
	if o == nil {
		return nil
	}
	for _, e := range offers {
		if !strings.EqualFold(e.name, deflateName) {
			continue
		}
		offer, ok := parseDeflate(e.params, true)
		if !ok {
			continue
		}
		p := &DeflateParams{
			// RFC 7692, section 7.1.1: the server may give both, asked or not. That the client gives its window up
			// in its offer is a hint that it can be held to.
			ServerNoContextTakeover: offer.serverNoTakeover || !o.ServerContextTakeover,
			ClientNoContextTakeover: offer.clientNoTakeover || !o.ClientContextTakeover,
			ServerMaxWindowBits:     windowBits(o.ServerMaxWindowBits),
			ClientMaxWindowBits:     maxWindowBits,
		}
		if offer.serverBits > 0 {
			p.ServerMaxWindowBits = min(p.ServerMaxWindowBits, offer.serverBits)
		}
		// RFC 7692, section 7.1.2.2: only a client that mentioned it can be asked for a smaller window.
		switch {
		case offer.clientBits > 0:
			p.ClientMaxWindowBits = min(windowBits(o.ClientMaxWindowBits), offer.clientBits)
		case offer.clientBitsHint:
			p.ClientMaxWindowBits = windowBits(o.ClientMaxWindowBits)
		}
		return p
	}
	return nil
}

// response is the Sec-WebSocket-Extensions value of a server that agreed to p.
func (p *DeflateParams) response() string {
	s := deflateName
	if p.ServerNoContextTakeover {
		s += "; " + paramServerNoTakeover
	}
	if p.ClientNoContextTakeover {
		s += "; " + paramClientNoTakeover
	}
	if p.ServerMaxWindowBits < maxWindowBits {
		s += "; " + paramServerBits + "=" + strconv.Itoa(p.ServerMaxWindowBits)
	}
	if p.ClientMaxWindowBits < maxWindowBits {
		s += "; " + paramClientBits + "=" + strconv.Itoa(p.ClientMaxWindowBits)
	}
	return s
}

// offer is the Sec-WebSocket-Extensions value of a client with these options.
func (o *DeflateOptions) offer() string {
	s := deflateName
	if !o.ServerContextTakeover {
		s += "; " + paramServerNoTakeover
	}
	if !o.ClientContextTakeover {
		s += "; " + paramClientNoTakeover
	}
	if bits := windowBits(o.ServerMaxWindowBits); bits < maxWindowBits {
		s += "; " + paramServerBits + "=" + strconv.Itoa(bits)
	}
	s += "; " + paramClientBits
	if bits := windowBits(o.ClientMaxWindowBits); bits < maxWindowBits {
		s += "=" + strconv.Itoa(bits)
	}
	return s
}

// confirmDeflate checks the extensions a server answered against what was offered (RFC 6455, section 4.1, item 5 of the
// client's checks; RFC 7692, section 7.1). No extension is fine, nil then.
func confirmDeflate(answer []extension, o *DeflateOptions) (*DeflateParams, bool) {
	if len(answer) == 0 {
		return nil, true
	}
	if o == nil || len(answer) > 1 || !strings.EqualFold(answer[0].name, deflateName) {
		return nil, false
	}
	a, ok := parseDeflate(answer[0].params, false)
	if !ok {
		return nil, false
	}
	p := &DeflateParams{
		ServerNoContextTakeover: a.serverNoTakeover,
		// The own window may be given up without being asked to.
		ClientNoContextTakeover: a.clientNoTakeover || !o.ClientContextTakeover,
		ServerMaxWindowBits:     maxWindowBits,
		ClientMaxWindowBits:     windowBits(o.ClientMaxWindowBits),
	}
	if a.serverBits > 0 {
		p.ServerMaxWindowBits = a.serverBits
	}
	// RFC 7692, section 7.1.2.2: the server may ask for a smaller window than offered, not for a larger one.
	if a.clientBits > p.ClientMaxWindowBits {
		return nil, false
	}
	if a.clientBits > 0 {
		p.ClientMaxWindowBits = a.clientBits
	}
	// RFC 7692, sections 7.1.1.1 and 7.1.2.1: a server that accepts what was asked of it has to say so.
	if !o.ServerContextTakeover && !p.ServerNoContextTakeover || p.ServerMaxWindowBits > windowBits(o.ServerMaxWindowBits) {
		return nil, false
	}
	return p, true
}
