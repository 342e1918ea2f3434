package config

import (
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// files is what ReadFile finds.
type files map[string]string

func (f files) read(name string, _ int64) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// inFile returns the sources of a server that has a file with this text only.
func inFile(text string) Sources {
	return Sources{Flags: map[string]string{"config": "w.yaml"}, ReadFile: files{"w.yaml": text}.read}
}

func load(t testing.TB, src Sources) *Config {
	t.Helper()
	c, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	tokenKey  = "0123456789abcdef0123456789abcdef"
	tokenKey2 = "another-key-of-quite-some-length-too"
)

func TestDefaults(t *testing.T) {
	c := load(t, Sources{})
	want := &Config{
		Addr: ":8080", AdminAddr: "127.0.0.1:8081", RedisPrefix: "wsbridge",
		DrainDelay: 3 * time.Second, Drain: 10 * time.Second, Heartbeat: 25 * time.Second, PositionTTL: 24 * time.Hour,
		LogLevel: slog.LevelInfo, MaxMessage: 256 << 10, MaxBatch: 16 << 20, Queue: 1 << 20, Memory: 256 << 20,
		StreamMemory: 256 << 20, MaxStreams: 64, MaxStreamsPerUser: 4, MaxStreamConsumers: 1000,
	}
	if diff := diffSettings(want, c); diff != "" {
		t.Error(diff)
	}
}

// diffSettings compares what all settings of the table show.
func diffSettings(want, got *Config) string {
	texts := func(c *Config) map[string]string {
		m := make(map[string]string)
		for _, s := range settings {
			if s.InFile() {
				m[s.Name] = s.field(c).text()
			}
		}
		return m
	}
	return cmp.Diff(texts(want), texts(got))
}

// Every setting is set in every place, and the first place of flag, variable and file wins.
func TestPlaces(t *testing.T) {
	values := map[string][3]string{
		"addr":            {":1", "127.0.0.1:2", "[::1]:3"},
		"admin-addr":      {":4", "off", ":6"},
		"api-keys":        {"a", "b,b", "c,c,c"},
		"token-keys":      {tokenKey, tokenKey + "," + tokenKey2, tokenKey2 + "," + tokenKey + "," + tokenKey},
		"allowed-origins": {"https://a.com", "*", "https://c.com,http://localhost:3000"},
		"trusted-proxies": {"10.0.0.0/8", "fd00::/8,192.0.2.1/32", "0.0.0.0/0"},
		"redis-url":       {"redis://a:6379/0", "redis://b:6379/1", "redis+cluster://a:1,b:2"},
		"redis-prefix":    {"a", "b:", "c"},

		"redis-ca":            {"a.pem", "/b.pem", "./c.pem"},
		"redis-client-cert":   {"a.pem", "/b.pem", "./c.pem"},
		"redis-client-key":    {"a", "b", "c"},
		"redis-sentinel-auth": {":a", "none", "u:c:c"},

		"drain-delay":  {"0s", "1s", "1m"},
		"drain":        {"0s", "1.5s", "2s"},
		"heartbeat":    {"1s", "2s", "3s"},
		"log-level":    {"debug", "warn", "error"},
		"position-ttl": {"1h", "2h", "72h"},
		"max-message":  {"1KiB", "2KiB", "3000"},
		"max-batch":    {"1MiB", "2MiB", "3MiB"},
		"queue":        {"1MiB", "2MiB", "3MiB"},
		"memory":       {"1GiB", "2GiB", "3GiB"},

		"max-connections":             {"auto", "1", "10000000"},
		"max-connections-per-address": {"off", "1", "200"},
		"connect-rate":                {"off", "1", "1000000"},
		"request-rate-per-address":    {"off", "10", "20"},
		"command-rate":                {"off", "10", "20"},
		"byte-rate":                   {"off", "64KiB", "1MiB"},

		"max-stream":           {"off", "1MiB", "1GiB"},
		"stream-memory":        {"8MiB", "64MiB", "1GiB"},
		"max-streams":          {"1", "10", "100000"},
		"max-streams-per-user": {"1", "10", "20"},
		"max-stream-consumers": {"1", "10", "20"},
	}
	for _, s := range settings {
		texts, ok := values[s.Name]
		if s.Name == configName {
			continue
		} else if !ok {
			t.Errorf("%s is not tried", s.Name)
			continue
		}
		for used := 1; used < 8; used++ { // a set of places: flag, variable, file
			src := inFile("")
			var want, where string
			if used&4 != 0 {
				src = inFile("\n" + s.Key() + `: "` + texts[2] + `"`)
				want, where = texts[2], "w.yaml:2"
			}
			if used&2 != 0 {
				src.Environ = []string{"PATH=/bin", s.Env() + "=" + texts[1]}
				want, where = texts[1], s.Env()
			}
			if used&1 != 0 {
				src.Flags[s.Name] = texts[0]
				want, where = texts[0], "--"+s.Name
			}
			c := load(t, src)
			wanted := *c
			if err := s.field(&wanted).set(want); err != nil {
				t.Fatal(err)
			}
			if diff := diffSettings(&wanted, c); diff != "" || c.where(s.Name) != where || !c.Given(s.Name) {
				t.Errorf("%s, places %b: from %s, %s", s.Name, used, c.where(s.Name), diff)
			}
			if got := s.field(c).text(); !s.Secret && got != want {
				t.Errorf("%s: %q is shown as %q", s.Name, want, got)
			}
		}
	}
}

func TestBadValues(t *testing.T) {
	const host = "; write HOST:PORT such as :8080, 127.0.0.1:8080 or [::1]:8080"
	for _, test := range []struct{ name, text, want string }{
		{"addr", "8080", `"8080" is no address` + host},
		{"addr", ":http", `":http" is no address` + host},
		{"addr", ":65536", `":65536" is no address` + host},
		{"addr", "off", `"off" is no address` + host},
		{"addr", "::1:80", `"::1:80" is no address` + host},
		{"addr", "http://a:80", `"http://a:80" is no address` + host},
		{"admin-addr", "no", `"no" is no address` + host},
		{"admin-addr", "a\nb", `"a\nb" is no address` + host},
		{"api-keys", ",", "there is no key in it"},
		{"api-keys", "a b", "key 1 has a character that no header can carry; allowed is visible ASCII without spaces"},
		{"api-keys", "ok,schlüssel", "key 2 has a character that no header can carry; allowed is visible ASCII without spaces"},
		{"api-keys", strings.Repeat("a,", 101), "more than 100 keys"},
		{"token-keys", tokenKey + ",short", "key 2 has 5 bytes, at least 32 are needed; make one with: openssl rand -hex 32"},
		{"allowed-origins", "a.com", `"a.com" is no origin; write https://app.example.com, https://*.example.com or *, without a path`},
		{"allowed-origins", "https://a.com,", "entry 2 is empty"},
		{"allowed-origins", strings.Repeat("*,", 1000) + "*", "1001 entries, at most 1000 are allowed"},
		{"trusted-proxies", "10.0.0.0/33", `"10.0.0.0/33" is no network; write a CIDR such as 10.0.0.0/8, or an address`},
		{"trusted-proxies", "private", `"private" is no network; write a CIDR such as 10.0.0.0/8, or an address`},
		{"trusted-proxies", "10.1.2.3/8", `"10.1.2.3/8" has bits behind its mask; did you mean 10.0.0.0/8?`},
		{"redis-url", "localhost", errRedisScheme.Error()},
		{"redis-prefix", "a*", `"a*" is no prefix; allowed are 1 to 100 visible ASCII characters but {}*?[]\`},
		{"redis-sentinel-auth", "password", "it has no password; write USER:PASSWORD, :PASSWORD or none"},
		{"redis-sentinel-auth", "user:", "it has no password; write USER:PASSWORD, :PASSWORD or none"},
		{"redis-prefix", "{a}", `"{a}" is no prefix; allowed are 1 to 100 visible ASCII characters but {}*?[]\`},
		{"drain", "10", `"10" is no duration; write a number with a unit such as 500ms, 25s, 1m30s or 24h`},
		{"drain", "-1s", `"-1s" is out of range; allowed are 0s to 1h`},
		{"drain-delay", "61m", `"61m" is out of range; allowed are 0s to 1h`},
		{"heartbeat", "0", `"0" is out of range; allowed are 1s to 10m`},
		{"heartbeat", "2500ms", `"2500ms" is no multiple of 1s`},
		{"position-ttl", "forever", `"forever" is no duration; write a number with a unit such as 500ms, 25s, 1m30s or 24h`},
		{"log-level", "trace", `"trace" is no level; allowed are debug, info, warn, error`},
		{"max-message", "0", `"0" is out of range; allowed are 1 to 64MiB`},
		{"max-message", "1GiB", `"1GiB" is out of range; allowed are 1 to 64MiB`},
		{"queue", "1M", `"1M" is no size; write whole bytes, KiB, MiB, GiB, kB, MB or GB such as 65536, 64KiB or 1GB`},
	} {
		s, _ := lookup(test.name, (*Setting).Flag, fileFlag)
		key := strings.NewReplacer("\n", `\n`).Replace(test.text)
		for where, src := range map[string]Sources{
			"--" + test.name:       {Flags: map[string]string{test.name: test.text}},
			s.Env():                {Environ: []string{s.Env() + "=" + test.text}},
			"w.yaml:1: " + s.Key(): inFile(s.Key() + `: "` + key + `"`),
		} {
			_, err := Load(src)
			if want := where + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("error %v\n want %s", err, want)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	read := files{"w.yaml": "queue: 2MiB\napi_keys: abc", "empty": " \n", "key": "s3cr\tet", "big": strings.Repeat("a", maxSecret+1)}.read
	flag := func(name, text string) map[string]string { return map[string]string{name: text} }
	for _, test := range []struct {
		name string
		src  Sources
		want string
	}{
		{"unknown flag", Sources{Flags: flag("address", ":1")}, "--address: there is no such setting; did you mean addr?"},
		{"empty flag", Sources{Flags: flag("addr", "")}, `--addr: "" is no address; write HOST:PORT such as :8080, 127.0.0.1:8080 or [::1]:8080`},
		{"unknown variable", Sources{Environ: []string{"WSBRIDGE_APIKEYS=s3cret"}}, "WSBRIDGE_APIKEYS: there is no such setting; did you mean WSBRIDGE_API_KEYS?"},
		{"variable for what is no secret", Sources{Environ: []string{"WSBRIDGE_ADDR_FILE=x"}}, "WSBRIDGE_ADDR_FILE: there is no such setting; did you mean WSBRIDGE_ADDR?"},
		{"namespaces in a variable", Sources{Environ: []string{"WSBRIDGE_NAMESPACES={}"}}, "WSBRIDGE_NAMESPACES: there is no such setting; allowed are " + strings.Join(names((*Setting).Env, fileEnv), ", ")},
		{"both", Sources{Environ: []string{"WSBRIDGE_API_KEYS=a", "WSBRIDGE_API_KEYS_FILE=key"}}, "WSBRIDGE_API_KEYS_FILE: it is set by WSBRIDGE_API_KEYS as well; one of them has to go"},
		{"no config", Sources{Environ: []string{"WSBRIDGE_CONFIG=none.yaml"}}, "WSBRIDGE_CONFIG: open none.yaml: file does not exist"},
		{"no secret", Sources{Environ: []string{"WSBRIDGE_API_KEYS_FILE=none"}}, "WSBRIDGE_API_KEYS_FILE: open none: file does not exist"},
		{"empty secret", Sources{Flags: flag("token-keys-file", "empty")}, `--token-keys-file: "empty" is empty`},
		{"big secret", Sources{Flags: flag("token-keys-file", "big")}, `--token-keys-file: "big" is larger than 64KiB`},
		{"bad secret", Sources{Flags: flag("api-keys-file", "key")}, "--api-keys-file: key 1 has a character that no header can carry; allowed is visible ASCII without spaces"},
		{"overridden mistake", Sources{Flags: flag("queue", "2MiB"), Environ: []string{"WSBRIDGE_QUEUE=big"}}, `WSBRIDGE_QUEUE: "big" is no size; write whole bytes, KiB, MiB, GiB, kB, MB or GB such as 65536, 64KiB or 1GB`},
		{"queue too small", Sources{Environ: []string{"WSBRIDGE_QUEUE=256KiB"}}, "queue is 256KiB (WSBRIDGE_QUEUE); it has to be at least twice max-message, which is 256KiB (default)"},
		{"message too large", Sources{Flags: map[string]string{"max-message": "1025KiB", "config": "w.yaml"}}, "queue is 2MiB (w.yaml:1); it has to be at least twice max-message, which is 1025KiB (--max-message)"},
		{"batch too small", Sources{Flags: flag("max-batch", "1")}, "max-batch is 1 (--max-batch); it has to be at least twice max-message, which is 256KiB (default)"},
		{"memory too small", Sources{Flags: flag("memory", "1")}, "memory is 1 (--memory); it has to be at least twice max-message, which is 256KiB (default)"},
		{"same address", Sources{Flags: flag("admin-addr", ":8080")}, "addr and admin-addr are both :8080 (default, --admin-addr)"},
	} {
		test.src.ReadFile = read
		if _, err := Load(test.src); err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v\n want %s", test.name, err, test.want)
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	src := Sources{
		Flags:   map[string]string{"config": "w.yaml", "api-keys-file": "api"},
		Environ: []string{"WSBRIDGE_TOKEN_KEYS_FILE=token"},
		ReadFile: files{
			"w.yaml": "redis_url_file: redis\n",
			"api":    "first\r\nsecond, third\n\n",
			"token":  tokenKey + "\n",
			"redis":  "redis://:pw@h\n",
		}.read,
	}
	c := load(t, src)
	if diff := cmp.Diff([]auth.Secret{auth.NewSecret("first"), auth.NewSecret("second"), auth.NewSecret("third")}, c.APIKeys); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]auth.Secret{auth.NewSecret(tokenKey)}, c.TokenKeys); diff != "" {
		t.Error(diff)
	}
	if !c.RedisURL.Password.Equal(auth.NewSecret("pw")) || c.RedisURL.Addrs[0] != "h:6379" {
		t.Errorf("redis-url is %v", c.RedisURL)
	}
}

func TestReadsRealFiles(t *testing.T) {
	dir := t.TempDir()
	config, secret := filepath.Join(dir, "w.yaml"), filepath.Join(dir, "key")
	for name, text := range map[string]string{config: "api_keys_file: " + secret, secret: "abc\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := load(t, Sources{Environ: []string{"WSBRIDGE_CONFIG=" + config}})
	if len(c.APIKeys) != 1 || !c.APIKeys[0].Equal(auth.NewSecret("abc")) || c.File != config {
		t.Errorf("got %v of %s", c.APIKeys, c.File)
	}
}

func TestEmptyVariablesAreUnset(t *testing.T) {
	c := load(t, Sources{Environ: []string{"WSBRIDGE_REDIS_URL=", "WSBRIDGE_CONFIG=", "WSBRIDGE_ADDR"}})
	if c.RedisURL != nil || c.Given("redis-url") || c.Given("addr") || c.Addr != ":8080" {
		t.Errorf("got %+v", c)
	}
}

func TestListsInFile(t *testing.T) {
	c := load(t, inFile("api_keys: [abc, 123]\ntrusted_proxies:\n- 10.0.0.0/8\n- ::1\n"))
	if diff := cmp.Diff([]auth.Secret{auth.NewSecret("abc"), auth.NewSecret("123")}, c.APIKeys); diff != "" {
		t.Error(diff)
	}
	want := auth.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if len(c.TrustedProxies) != 2 || c.TrustedProxies[0] != want[0] || c.TrustedProxies[1] != want[1] {
		t.Errorf("got %v", c.TrustedProxies)
	}
}

func TestDev(t *testing.T) {
	c := load(t, Sources{Dev: true})
	if c.Addr != "127.0.0.1:8080" || !c.LoopbackOnly() || len(c.TokenKeys) != 1 || c.TokenKeys[0].Len() < auth.MinTokenKey {
		t.Errorf("got %s, %v, %v", c.Addr, c.LoopbackOnly(), c.TokenKeys)
	}
	if !c.AllowedOrigins.Allows("http://localhost:3000", "x") || c.AllowedOrigins.Allows("https://evil.com", "evil.com") {
		t.Error("wrong origins are allowed")
	}
	if load(t, Sources{Dev: true}).TokenKeys[0].Equal(c.TokenKeys[0]) {
		t.Error("the key is the same each time")
	}
	c = load(t, Sources{Dev: true, Environ: []string{"WSBRIDGE_ADDR=:9000", "WSBRIDGE_TOKEN_KEYS=" + tokenKey}})
	if c.Addr != ":9000" || c.LoopbackOnly() || !c.TokenKeys[0].Equal(auth.NewSecret(tokenKey)) || !c.AllowedOrigins.Allows("https://a.com", "a.com") {
		t.Errorf("with an address: got %s, %v", c.Addr, c.LoopbackOnly())
	}
	c = load(t, Sources{Dev: true, Flags: map[string]string{"allowed-origins": "https://a.com"}})
	if c.AllowedOrigins.Allows("http://localhost", "x") || !c.AllowedOrigins.Allows("https://a.com", "x") {
		t.Error("the origins given do not count")
	}
	if c := load(t, Sources{}); c.LoopbackOnly() || len(c.TokenKeys) != 0 {
		t.Error("without --dev it is as with it")
	}
}

func TestFlagsAreNotChanged(t *testing.T) {
	flags := map[string]string{"addr": ":1"}
	before := maps.Clone(flags)
	load(t, Sources{Flags: flags})
	if diff := cmp.Diff(before, flags); diff != "" {
		t.Error(diff)
	}
}
