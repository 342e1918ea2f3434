package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func show(t *testing.T, c *Config) string {
	t.Helper()
	var b strings.Builder
	if err := c.Show(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestShow(t *testing.T) {
	src := inFile("\nqueue: 2MiB\n" + namespacesText)
	src.Environ = []string{"WSBRIDGE_API_KEYS=s3cret,s3cret2", "WSBRIDGE_REDIS_URL=redis://:s3cret@h", "WSBRIDGE_ALLOWED_ORIGINS=https://a.com,*"}
	src.Flags["addr"] = ":1"
	src.Flags["drain"] = "90s"
	const want = `addr: ":1"                                # --addr
admin_addr: "127.0.0.1:8081"              # default
# api_keys: 2 keys, not shown             # WSBRIDGE_API_KEYS
# token_keys: (unset)                     # default
allowed_origins: "https://a.com,*"        # WSBRIDGE_ALLOWED_ORIGINS
# trusted_proxies: (unset)                # default
# redis_url: redis://:[redacted]@h:6379/0  # WSBRIDGE_REDIS_URL
redis_prefix: "wsbridge"                  # default
# redis_ca: (unset)                       # default
# redis_client_cert: (unset)              # default
# redis_client_key: (unset)               # default
# redis_sentinel_auth: (unset)            # default
drain_delay: 3s                           # default
drain: 1m30s                              # --drain
heartbeat: 25s                            # default
log_level: "info"                         # default
position_ttl: 24h                         # default
max_message: 256KiB                       # default
max_batch: 16MiB                          # default
queue: 2MiB                               # w.yaml:2
memory: 256MiB                            # default
max_connections: "auto"                   # default
max_connections_per_address: "off"        # default
connect_rate: "off"                       # default
request_rate_per_address: "off"           # default
command_rate: "off"                       # default
byte_rate: "off"                          # default
max_stream: "off"                         # default
stream_memory: 256MiB                     # default
max_streams: 64                           # default
max_streams_per_user: 4                   # default
max_stream_consumers: 1000                # default
namespaces:
  "1.x=_-":
    retention: {count: 10000, age: 5m, bytes: 8MiB}
    anonymous: []
  "chat":
    retention: {count: 5, age: 5m, bytes: 8MiB}
    anonymous: [subscribe, history]
  "default":
    retention: {count: 10000, age: 5m, bytes: 8MiB}
    anonymous: []
  "orders":
    retention: {count: 1000, age: 1h, bytes: 8MiB}
    anonymous: []
  "ticks":
    retention: off
    anonymous: []
  "user":
    retention: {count: 10000, age: 5m, bytes: 8MiB}
    anonymous: []
`
	if diff := cmp.Diff(want, show(t, load(t, src))); diff != "" {
		t.Error(diff)
	}
}

func TestShowIsReadAgain(t *testing.T) {
	for _, src := range []Sources{
		{}, {Dev: true}, inFile(namespacesText),
		{Flags: map[string]string{"admin-addr": "off", "redis-prefix": `"'x`, "allowed-origins": "*,null", "trusted-proxies": "::/0", "drain": "1m0.5s", "heartbeat": "60s", "position-ttl": "1h0m5s", "queue": "1048577", "log-level": "ERROR"}},
	} {
		c := load(t, src)
		again := load(t, inFile(show(t, c)))
		again.TokenKeys = c.TokenKeys // not shown
		if diff := diffSettings(c, again); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(c.Namespaces, again.Namespaces, cmp.Comparer(func(a, b Namespace) bool { return a.Retention == b.Retention && a.Anonymous == b.Anonymous })); diff != "" {
			t.Error(diff)
		}
	}
}

func TestShowDev(t *testing.T) {
	text := show(t, load(t, Sources{Dev: true}))
	for _, want := range []string{
		`addr: "127.0.0.1:8080"`, `# --dev`, "# token_keys: 1 key, not shown", `allowed_origins: "loopback"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if got := strings.Count(text, "# --dev"); got != 3 {
		t.Errorf("%d settings are from --dev in\n%s", got, text)
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	c := load(t, Sources{Environ: []string{"WSBRIDGE_API_KEYS=" + tokenKey2, "WSBRIDGE_TOKEN_KEYS=" + tokenKey, "WSBRIDGE_REDIS_URL=redis://:" + tokenKey + "@h"}})
	text := show(t, c) + strings.Join(c.Warnings(), "\n")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c) + fmt.Sprintf(verb, c.RedisURL) + fmt.Sprintf(verb, *c.RedisURL)
	}
	for _, secret := range []string{tokenKey[:8], tokenKey2[:8], fmt.Sprintf("%x", tokenKey[:8]), fmt.Sprintf("%x", tokenKey2[:8])} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is printed", secret)
		}
	}
}
