package deploy

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestConfigurationsAreTaken(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) { t.Log(balancer.Check(t, kind)) })
}

// duration returns what the one line that matches says.
func duration(t *testing.T, text, pattern string) time.Duration {
	t.Helper()
	all := regexp.MustCompile(`(?m)^\s*`+pattern).FindAllStringSubmatch(text, -1)
	if len(all) != 1 {
		t.Fatalf("%d lines match %s", len(all), pattern)
	}
	d, err := time.ParseDuration(all[0][1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestIdleTimeouts holds the configured times against those of the server: what is healthy is
// never silent for as long.
func TestIdleTimeouts(t *testing.T) {
	defaults, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	const spare = 10 * time.Second // of the network and of a server that is busy
	least := max(2*defaults.Heartbeat, wire.MaxWait) + spare
	lines := map[balancer.Kind][]string{
		balancer.HAProxy: {`timeout client +(\S+)`, `timeout server +(\S+)`, `timeout tunnel +(\S+)`, `timeout http-keep-alive +(\S+)`},
		balancer.Nginx:   {`proxy_read_timeout +([^;]+);`, `proxy_send_timeout +([^;]+);`, `keepalive_timeout +([^;]+);`},
	}
	names := map[balancer.Kind]string{balancer.HAProxy: "haproxy.cfg", balancer.Nginx: "wsbridge.conf"}
	each(t, func(t *testing.T, kind balancer.Kind) {
		text := balancer.Read(t, kind, names[kind])
		for _, pattern := range lines[kind] {
			if d := duration(t, text, pattern); d < least || d > 2*time.Minute {
				t.Errorf("%s: %v, not between %v and 2m", pattern, d, least)
			}
		}
	})
}

// TestDrainIsSeenInTime: HAProxy has to know that an instance drains before that refuses anyone.
func TestDrainIsSeenInTime(t *testing.T) {
	defaults, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	text := balancer.Read(t, balancer.HAProxy, "haproxy.cfg")
	m := regexp.MustCompile(`(?m)^ *default-server check inter (\S+) fastinter (\S+) fall (\d+) `).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("haproxy.cfg has no checks")
	}
	inter, err := time.ParseDuration(m[1])
	if err != nil {
		t.Fatal(err)
	}
	fast, err := time.ParseDuration(m[2])
	if err != nil {
		t.Fatal(err)
	}
	fall, err := strconv.Atoi(m[3])
	if err != nil {
		t.Fatal(err)
	}
	worst := inter + time.Duration(fall-1)*fast + duration(t, text, `timeout check +(\S+)`)
	if worst >= defaults.DrainDelay {
		t.Errorf("it takes %v, and WSBRIDGE_DRAIN_DELAY is %v", worst, defaults.DrainDelay)
	}
}
