package chaos

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

// A balancer is a real load balancer in front of all instances, in round robin.
type balancer struct {
	name string
	url  string
	proc *process
}

var balancers = []string{"haproxy", "nginx"}

// newBalancer runs the configuration that deploy/ ships, with the addresses of the instances
// put in, and in round robin: what the least connections would even out is to be uneven here.
func newBalancer(t testing.TB, name string, instances []*instance) *balancer {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", redistest.Port(t))
	b := &balancer{name: name, url: "http://" + addr}
	dir := t.TempDir()
	configs := map[string]string{"haproxy.cfg": ""}
	command := []string{"haproxy", "-db", "-f", filepath.Join(dir, "haproxy.cfg")}
	if name == "nginx" {
		configs = map[string]string{"wsbridge.conf": "", "nginx.conf": nginxMain}
		command = []string{"nginx", "-p", dir, "-c", "nginx.conf"}
	}
	for file, text := range configs {
		if text == "" {
			shipped, err := os.ReadFile(filepath.Join("..", "..", "deploy", name, file))
			if err != nil {
				t.Fatal(err)
			}
			text = adapt(t, string(shipped), addr, instances)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.proc = launch(t, name, []string{"LISTEN=" + addr}, command[0], command[1:]...)
	eventually(t, name+" answers", func() bool {
		if b.proc.ended() {
			t.Fatalf("%s ended at once:\n%s", name, b.proc.tail())
		}
		status, _ := get(b.url + "/healthz")
		return status == http.StatusOK
	})
	return b
}

// nginxMain stands in for the shipped nginx.conf, whose logs are where root may write.
const nginxMain = `
daemon off;
master_process off;
pid pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include wsbridge.conf;
}
`

var (
	leastConnections = regexp.MustCompile(`balance leastconn|least_conn;`)
	servers          = regexp.MustCompile(`(?m)^( +)server .*\n(?: +server .*\n)*`)
)

// adapt makes a shipped configuration one for a test. That each pattern is found is checked,
// or else a change of the files would go unnoticed.
func adapt(t testing.TB, config, addr string, instances []*instance) string {
	t.Helper()
	replace := func(what *regexp.Regexp, by func(string) string) {
		if !what.MatchString(config) {
			t.Fatalf("a configuration in deploy/ has no %v", what)
		}
		config = what.ReplaceAllStringFunc(config, by)
	}
	nginx := strings.Contains(config, "upstream ")
	replace(leastConnections, func(string) string {
		if nginx {
			return "" // round robin is what it does unless told
		}
		return "balance roundrobin"
	})
	replace(servers, func(string) (lines string) {
		for n, i := range instances {
			if nginx {
				lines += fmt.Sprintf("    server %s max_fails=0;\n", i.addr)
			} else {
				lines += fmt.Sprintf("    server s%d %s\n", n, i.addr)
			}
		}
		return lines
	})
	if nginx {
		replace(regexp.MustCompile(`listen 8080;`), func(string) string { return "listen " + addr + ";" })
		replace(regexp.MustCompile(`access_log .*;`), func(string) string { return "access_log off;" })
	}
	return config
}
