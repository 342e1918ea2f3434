package deploy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

const (
	apiKey   = "an-api-key-of-the-tests"
	tokenKey = "a-token-key-of-the-tests-of-32-bytes"
)

// A member is an instance of docker-compose.yml.
type member struct {
	*testserver.Server
	admin string
}

// members runs the instances of docker-compose.yml on its Redis: its settings, with the
// addresses of this machine in place of its names, and keys in place of those that are made
// there.
func members(t *testing.T) (all []member) {
	t.Helper()
	c := compose(t)
	redis := redistest.Start(t, c.Services["redis"].Command[1:]...)
	keys := t.TempDir()
	for name, key := range map[string]string{"api-keys": apiKey, "token-keys": tokenKey} {
		if err := os.WriteFile(filepath.Join(keys, name), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here := strings.NewReplacer("redis:6379", redis.Addr(), "/keys/", keys+"/", c.Networks["back"].IPAM.Config[0].Subnet, "127.0.0.1/32")
	for _, name := range c.instances() {
		m := member{admin: net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.Port(t)))}
		env := []string{"WSBRIDGE_ADMIN_ADDR=" + m.admin}
		for name, value := range c.Services[name].Environment {
			env = append(env, name+"="+here.Replace(value))
		}
		m.Server = testserver.Serve(t, c.Services[name].Command[1:], env...)
		all = append(all, m)
	}
	t.Cleanup(func() { // all at once, since each takes its drain time
		for _, m := range all {
			m.Terminate()
		}
	})
	return all
}

// TestComposition does what docker compose up would, without containers: two instances on
// Redis with keys in force, and a load balancer that sends each request where it likes.
// Clients that stay with an instance and one that changes transport and instance all the
// time are given every message once.
func TestComposition(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		all := members(t)
		var b *balancer.Balancer
		if kind == balancer.HAProxy {
			b = balancer.StartUnchanged(t, "INSTANCE_A="+all[0].Addr, "INSTANCE_B="+all[1].Addr)
		} else {
			b = balancer.Start(t, kind, []string{all[0].Addr, all[1].Addr})
		}

		if a := ask(t, b.URL("/"), ""); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("the page: %d %s", a.status, a.header)
		}
		if a := ask(t, b.URL("/v1/channels/a/messages"), "1", "Content-Type", "application/json"); a.code() != "unauthorized" {
			t.Errorf("without a key: %d %s", a.status, a.body)
		}
		token := sign(t, b.URL(""))

		const channel = "orders:42"
		backend, err := client.New(b.URL(""), client.Options{APIKey: apiKey})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { backend.Close() })
		published := 0
		send := func(n int) {
			t.Helper()
			for range n {
				if _, err := backend.Publish(patient(t), channel, client.Publication{Data: published}); err != nil {
					t.Fatal(err)
				}
				published++
			}
		}
		var steady []*raw.Line // shared out evenly, since connections are counted
		for range 4 {
			o := way{Transport: raw.WebSocket}.options(b.URL(""), channel)
			o.Token = token
			line := open(t, o)
			until(t, line, raw.Subscribed)
			steady = append(steady, line)
		}
		var cursor pubsub.Cursor
		var got []string
		for round := range 3 * len(ways) {
			w := ways[round%len(ways)]
			o := w.options(b.URL(""), channel)
			o.Token, o.Cursor = token, cursor
			if round == 0 {
				o.Channels = []pubsub.Channel{channel}
			} else {
				send(3) // while nobody is connected
			}
			line := open(t, o)
			until(t, line, raw.Welcome)
			if round == 0 && w.Transport == raw.WebSocket {
				until(t, line, raw.Subscribed)
			}
			send(3) // while the client is
			for len(got) < published {
				e := until(t, line, raw.Message)
				got = append(got, string(e.Message.Data.Bytes))
			}
			cursor = line.Cursor()
			line.CloseNow()
		}
		var want []string
		for i := range published {
			want = append(want, strconv.Itoa(i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d messages were published, and these came: %q", published, got)
		}
		for _, line := range steady {
			for i := range published {
				if e := until(t, line, raw.Message); string(e.Message.Data.Bytes) != want[i] {
					t.Fatalf("%s came in place of %s", e.Message.Data.Bytes, want[i])
				}
			}
		}
		for i, m := range all {
			if n := metric(t, m.admin, "wsbridge_messages_delivered_total"); n == 0 {
				t.Errorf("instance %d delivered nothing", i)
			}
			if n := metric(t, m.admin, "wsbridge_gaps_total"); n != 0 {
				t.Errorf("instance %d told of %v gaps", i, n)
			}
		}
	})
}

// sign asks for a token as the page does.
func sign(t *testing.T, url string) string {
	t.Helper()
	claims := `{"sub":"ann","ttl":"1h","capabilities":{"orders:*":["subscribe"]}}`
	a := ask(t, url+"/v1/tokens", claims, "Content-Type", "application/json", "Authorization", "Bearer "+apiKey)
	var signed struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &signed); err != nil || a.status != http.StatusCreated {
		t.Fatal(fmt.Errorf("token: %d %s %w", a.status, a.body, err))
	}
	return signed.Token
}
