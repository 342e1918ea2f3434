package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units of sizes, the largest first. A number alone counts bytes.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3},
	{"B", 1},
}

// parseSize reads a number of bytes such as 65536, 64KiB, 8 MiB or 1GB. Capitals do not
// matter.
func parseSize(text string) (int64, error) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	scale, known := int64(1), true
	if unit := strings.TrimPrefix(text[digits:], " "); unit != "" {
		known = false
		for _, u := range units {
			if strings.EqualFold(unit, u.name) {
				scale, known = u.bytes, true
				break
			}
		}
	} else {
		known = len(text) == digits
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if !known || err != nil || n > math.MaxInt64/scale {
		return 0, fmt.Errorf("%s is no size; write whole bytes, KiB, MiB, GiB, kB, MB or GB such as 65536, 64KiB or 1GB", quote(text))
	}
	return n * scale, nil
}

// size writes n in the largest unit, of powers of two, that it is a multiple of.
func size(n int64) string {
	for _, u := range units {
		if u.bytes&(u.bytes-1) == 0 && u.bytes > 1 && n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
