package config

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000": 1000, "0064": 64, "1B": 1, "64KiB": 64 << 10, "8MiB": 8 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40, "1kB": 1000, "1KB": 1000,
		"3MB": 3e6, "1GB": 1e9, "8 MiB": 8 << 20, "8mib": 8 << 20, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "MiB", "-1", "+1", "1.5MiB", "8M", "8 ", "8  MiB", "8MiBs", "0x10", "1_000", "9223372036854775808", "9000000TiB", "1\nMiB", strings.Repeat("9", 1000)} {
		_, err := parseSize(text)
		want := quote(text) + " is no size; write whole bytes, KiB, MiB, GiB, kB, MB or GB such as 65536, 64KiB or 1GB"
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v", text, err)
		}
	}
	for n, want := range map[int64]string{0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 1 << 20: "1MiB", 3 << 29: "1536MiB", 1<<20 + 1: "1048577"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

var sizeForm = regexp.MustCompile(`^([0-9]+)( ?)(|B|TiB|GiB|MiB|KiB|TB|GB|MB|kB)$`)

// naiveSize is a size in the plainest words, with numbers of any length.
func naiveSize(text string) (int64, bool) {
	m := regexp.MustCompile("(?i)" + sizeForm.String()).FindStringSubmatch(text)
	if m == nil || m[2] != "" && m[3] == "" {
		return 0, false
	}
	n, _ := new(big.Int).SetString(m[1], 10)
	base := int64(1000)
	if strings.Contains(strings.ToLower(m[3]), "i") {
		base = 1024
	}
	if m[3] != "" {
		for range strings.Index("bkmgt", strings.ToLower(m[3][:1])) {
			n.Mul(n, big.NewInt(base))
		}
	}
	return n.Int64(), n.IsInt64()
}

func FuzzSize(f *testing.F) {
	for _, seed := range []string{"8MiB", "1 GB", "9223372036854775807", "9007199254740992KiB", "1.5MiB", "KiB", "1KiB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseSize(text)
		want, ok := naiveSize(text)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %d, %v; want %d, %v", text, got, err, want, ok)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: the error has several lines", text)
		}
		if ok {
			if again, err := parseSize(size(got)); err != nil || again != got {
				t.Errorf("%d is written %s, read back as %d, %v", got, size(got), again, err)
			}
		}
	})
}
