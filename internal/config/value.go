package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A value is a field of Config as text. Each type below is one kind of it.
type value interface {
	// set reads the text of any place. Its error says what is allowed, and, if the
	// setting is secret, nothing of the text.
	set(text string) error

	// text is what set would read again, or "" when it is unset. Of secrets it is what
	// may be shown.
	text() string
}

// quote shows a wrong text in an error of one line.
func quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.Quote(s)
}

type addrValue struct {
	p   *string
	off bool
}

func (v addrValue) set(text string) error {
	if v.off && text == "off" {
		*v.p = ""
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strings.ContainsAny(host, " \t/") {
		return fmt.Errorf("%s is no address; write HOST:PORT such as :8080, 127.0.0.1:8080 or [::1]:8080", quote(text))
	}
	*v.p = text
	return nil
}

func (v addrValue) text() string {
	if v.off && *v.p == "" {
		return "off"
	}
	return *v.p
}

type durationValue struct {
	p        *time.Duration
	min, max time.Duration
	step     time.Duration // 0: any
}

func (v durationValue) set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s is no duration; write a number with a unit such as 500ms, 25s, 1m30s or 24h", quote(text))
	case d < v.min || d > v.max:
		return fmt.Errorf("%s is out of range; allowed are %s to %s", quote(text), duration(v.min), duration(v.max))
	case v.step > 0 && d%v.step != 0:
		return fmt.Errorf("%s is no multiple of %s", quote(text), duration(v.step))
	}
	*v.p = d
	return nil
}

func (v durationValue) text() string { return duration(*v.p) }

// duration writes d without the parts that are zero at its end: 24h, not 24h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

type sizeValue struct {
	p        *int64
	min, max int64
}

func (v sizeValue) set(text string) error {
	n, err := parseSize(text)
	switch {
	case err != nil:
		return err
	case n < v.min || n > v.max:
		return fmt.Errorf("%s is out of range; allowed are %s to %s", quote(text), size(v.min), size(v.max))
	}
	*v.p = n
	return nil
}

func (v sizeValue) text() string { return size(*v.p) }

// A sizeOrOff is a size whose 0 is written off.
type sizeOrOff struct{ sizeValue }

func (v sizeOrOff) set(text string) error {
	if text == "off" {
		*v.p = 0
		return nil
	}
	if err := v.sizeValue.set(text); err != nil {
		return fmt.Errorf("%w, or off", err)
	}
	return nil
}

func (v sizeOrOff) text() string {
	if *v.p == 0 {
		return "off"
	}
	return v.sizeValue.text()
}

// A countValue is a number whose 0 has a name.
type countValue struct {
	p    *int
	max  int
	none string
}

func (v countValue) set(text string) error {
	if text == v.none {
		*v.p = 0
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > uint64(v.max) {
		return fmt.Errorf("%s is no number from 1 to %d, and not %s", quote(text), v.max, v.none)
	}
	*v.p = int(n)
	return nil
}

func (v countValue) text() string {
	if *v.p == 0 {
		return v.none
	}
	return strconv.Itoa(*v.p)
}

// A numberValue is a number from 1 to max.
type numberValue struct {
	p   *int
	max int
}

func (v numberValue) set(text string) error {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > uint64(v.max) {
		return fmt.Errorf("%s is no number from 1 to %d", quote(text), v.max)
	}
	*v.p = int(n)
	return nil
}

func (v numberValue) text() string { return strconv.Itoa(*v.p) }

type levelValue struct{ p *slog.Level }

func (v levelValue) set(text string) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(text, level.String()) {
			*v.p = level
			return nil
		}
	}
	return fmt.Errorf("%s is no level; allowed are debug, info, warn, error", quote(text))
}

func (v levelValue) text() string { return strings.ToLower(v.p.String()) }

type keysValue struct {
	p      *[]auth.Secret
	min    int  // bytes of each
	header bool // it is sent in a header, so it is visible ASCII
}

// maxKeys bounds what each request is compared to.
const maxKeys = 100

func (v keysValue) set(text string) error {
	var keys []auth.Secret
	// Files have one key a line.
	for key := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		key = strings.TrimSpace(key)
		switch {
		case key == "":
			continue
		case len(keys) == maxKeys:
			return fmt.Errorf("more than %d keys", maxKeys)
		case len(key) < v.min:
			return fmt.Errorf("key %d has %d bytes, at least %d are needed; make one with: openssl rand -hex 32", len(keys)+1, len(key), v.min)
		case v.header && strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
			return fmt.Errorf("key %d has a character that no header can carry; allowed is visible ASCII without spaces", len(keys)+1)
		}
		keys = append(keys, auth.NewSecret(key))
	}
	if len(keys) == 0 {
		return errors.New("there is no key in it")
	}
	*v.p = keys
	return nil
}

func (v keysValue) text() string {
	switch n := len(*v.p); n {
	case 0:
		return ""
	case 1:
		return "1 key, not shown"
	default:
		return fmt.Sprintf("%d keys, not shown", n)
	}
}

type originsValue struct{ p *auth.Origins }

func (v originsValue) set(text string) error {
	list, err := split(text)
	if err != nil {
		return err
	}
	origins, err := auth.ParseOrigins(list)
	if err != nil {
		return err
	}
	*v.p = origins
	return nil
}

func (v originsValue) text() string { return v.p.String() }

type proxiesValue struct{ p *auth.Proxies }

func (v proxiesValue) set(text string) error {
	list, err := split(text)
	if err != nil {
		return err
	}
	var proxies auth.Proxies
	for _, s := range list {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			addr, aerr := netip.ParseAddr(s)
			if aerr != nil || addr.Zone() != "" {
				return fmt.Errorf("%s is no network; write a CIDR such as 10.0.0.0/8, or an address", quote(s))
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		if network != network.Masked() {
			return fmt.Errorf("%s has bits behind its mask; did you mean %s?", quote(s), network.Masked())
		}
		proxies = append(proxies, network)
	}
	*v.p = proxies
	return nil
}

func (v proxiesValue) text() string {
	list := make([]string, len(*v.p))
	for i, network := range *v.p {
		list[i] = network.String()
	}
	return strings.Join(list, ",")
}

// maxList bounds what each request is compared to.
const maxList = 1000

// split takes a list apart at its commas. It is not empty, and none of its entries is.
func split(text string) ([]string, error) {
	list := strings.Split(text, ",")
	if len(list) > maxList {
		return nil, fmt.Errorf("%d entries, at most %d are allowed", len(list), maxList)
	}
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return nil, fmt.Errorf("entry %d is empty", i+1)
		}
	}
	return list, nil
}

type prefixValue struct{ p *string }

func (v prefixValue) set(text string) error {
	// Braces would choose the cluster's slot instead of the key that they are part of, and the
	// others are patterns where keys are looked for.
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`{}*?[]\`, r) }
	if text == "" || len(text) > 100 || strings.ContainsFunc(text, bad) {
		return fmt.Errorf("%s is no prefix; allowed are 1 to 100 visible ASCII characters but {}*?[]\\", quote(text))
	}
	*v.p = text
	return nil
}

func (v prefixValue) text() string { return *v.p }

type redisValue struct{ p **RedisURL }

func (v redisValue) set(text string) error {
	u, err := ParseRedisURL(text)
	if err != nil {
		return err
	}
	*v.p = u
	return nil
}

func (v redisValue) text() string {
	if *v.p == nil {
		return ""
	}
	return (*v.p).String()
}
