package deploy

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
)

// A composition is what the tests look at in docker-compose.yml.
type composition struct {
	Services map[string]service
	Networks map[string]struct {
		Internal bool
		IPAM     struct{ Config []struct{ Subnet string } }
	}
	Volumes map[string]any
}

type service struct {
	Image, Build    string
	Command         []string
	Environment     map[string]string
	Ports           []string
	Networks        []string
	Volumes         []string
	WorkingDir      string `yaml:"working_dir"`
	StopGracePeriod string `yaml:"stop_grace_period"`
}

func compose(t *testing.T) composition {
	t.Helper()
	var c composition
	if err := yaml.Unmarshal([]byte(file(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// instances returns the names of the services that are built here.
func (c composition) instances() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		if c.Services[name].Build != "" {
			names = append(names, name)
		}
	}
	return names
}

// settings reads the environment of an instance as the server would.
func (s service) settings(t *testing.T) *config.Config {
	t.Helper()
	var environ []string
	for name, value := range s.Environment {
		environ = append(environ, name+"="+value)
	}
	cfg, err := config.Load(config.Sources{Environ: environ, ReadFile: func(name string, _ int64) ([]byte, error) {
		for _, v := range s.Volumes {
			if volume := strings.Split(v, ":"); path.Dir(name) == volume[1] {
				return []byte(strings.Repeat("k", 64)), nil
			}
		}
		return nil, fmt.Errorf("%s is in no volume", name)
	}})
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// hangs is what may come on top of the drain times, see docs/operations.md.
const hangs = 27 * time.Second

func TestComposeInstances(t *testing.T) {
	c := compose(t)
	names := c.instances()
	if len(names) != 2 {
		t.Fatalf("instances: %q", names)
	}
	for _, name := range names {
		s := c.Services[name]
		if !slices.Equal(s.Command, []string{"serve", "--demo"}) {
			t.Errorf("%s runs %q", name, s.Command)
		}
		cfg := s.settings(t)
		if warnings := cfg.Warnings(); len(warnings) > 0 {
			t.Errorf("%s: %q", name, warnings)
		}
		if cfg.RedisURL == nil || c.Services["redis"].Image == "" || !slices.Equal(cfg.RedisURL.Addrs, []string{"redis:6379"}) {
			t.Errorf("%s is on Redis at %v", name, cfg.RedisURL)
		}
		grace, err := time.ParseDuration(s.StopGracePeriod)
		if err != nil || grace < cfg.DrainDelay+cfg.Drain+hangs {
			t.Errorf("%s is given %v (%v) to stop", name, grace, err)
		}
		for _, secret := range []string{"WSBRIDGE_API_KEYS", "WSBRIDGE_TOKEN_KEYS"} {
			if s.Environment[secret] != "" {
				t.Errorf("%s has a key that everyone can read", name)
			}
		}
		// Whoever can reach an instance on its network is believed, so nobody else may.
		if len(s.Ports) > 0 || !slices.Equal(s.Networks, []string{"back"}) || !c.Networks["back"].Internal {
			t.Errorf("%s can be reached on %q and %q", name, s.Ports, s.Networks)
		}
		if subnet := c.Networks["back"].IPAM.Config[0].Subnet; len(cfg.TrustedProxies) != 1 || cfg.TrustedProxies[0].String() != subnet {
			t.Errorf("%s trusts %v, and the network is %s", name, cfg.TrustedProxies, subnet)
		}
	}
}

func TestComposeBalancer(t *testing.T) {
	c := compose(t)
	s := c.Services["haproxy"]
	if want := "./deploy/haproxy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"; !slices.Contains(s.Volumes, want) {
		t.Errorf("HAProxy is given %q", s.Volumes)
	}
	if want := "127.0.0.1:8080" + s.Environment["LISTEN"]; !slices.Equal(s.Ports, []string{want}) {
		t.Errorf("HAProxy is at %q, not %s", s.Ports, want)
	}
	var led []string
	for _, m := range regexp.MustCompile(`\$\{(\w+)-`).FindAllStringSubmatch(balancer.Read(t, balancer.HAProxy, "haproxy.cfg"), -1) {
		if s.Environment[m[1]] == "" {
			t.Errorf("haproxy.cfg asks for %s", m[1])
		}
		if name, _, _ := strings.Cut(s.Environment[m[1]], ":"); strings.HasPrefix(m[1], "INSTANCE_") && !slices.Contains(led, name) {
			led = append(led, name)
		}
	}
	if slices.Sort(led); !slices.Equal(led, c.instances()) {
		t.Errorf("HAProxy leads to %q", led)
	}
	for _, name := range c.instances() {
		_, port, err := net.SplitHostPort(c.Services[name].settings(t).Addr)
		if err != nil {
			t.Fatal(err)
		}
		addr := net.JoinHostPort(name, port)
		if !slices.Contains(slices.Collect(maps.Values(s.Environment)), addr) {
			t.Errorf("HAProxy knows nothing of %s", addr)
		}
		if exposed := instruction(t, "EXPOSE"); exposed != port {
			t.Errorf("the image exposes %s, and %s listens on %s", exposed, name, port)
		}
	}
}

// pinned matches an image whose tag says which release it is.
var pinned = regexp.MustCompile(`^[a-z]+:\d+\.\d+\.\d+(-[a-z0-9.]+)?$`)

func TestImagesArePinned(t *testing.T) {
	for name, s := range compose(t).Services {
		if s.Build == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: %q", name, s.Image)
		}
	}
	for _, from := range instructions(t, "FROM") {
		if image := strings.Fields(from)[0]; image != "scratch" && !pinned.MatchString(image) {
			t.Errorf("Dockerfile: %q", image)
		}
	}
}

// TestComposeKeys runs the service that makes the keys, twice.
func TestComposeKeys(t *testing.T) {
	s := compose(t).Services["keys"]
	if !slices.Equal(s.Volumes, []string{"keys:" + s.WorkingDir}) {
		t.Errorf("the keys are made in %s, of %q", s.WorkingDir, s.Volumes)
	}
	dir := t.TempDir()
	made := make(map[string]string)
	for range 2 {
		script := s.Command[len(s.Command)-1]
		cmd := exec.Command(s.Command[0], append(slices.Clone(s.Command[1:len(s.Command)-1]), strings.ReplaceAll(script, "$$", "$"))...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v, and it says %q", err, out)
		}
		for _, name := range []string{"api-keys", "token-keys"} {
			key, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^[0-9a-f]{64}$`).Match(key) {
				t.Errorf("%s: %q", name, key)
			}
			if before := made[name]; before != "" && before != string(key) {
				t.Errorf("%s was made anew", name)
			}
			made[name] = string(key)
		}
	}
	if made["api-keys"] == made["token-keys"] {
		t.Error("there is one key")
	}
}

// TestComposeRedis starts Redis as it is started there.
func TestComposeRedis(t *testing.T) {
	s := compose(t).Services["redis"]
	if s.Command[0] != "redis-server" || !slices.Equal(s.Volumes, []string{"redis:/data"}) {
		t.Fatalf("%q with %q", s.Command, s.Volumes)
	}
	r := redistest.Start(t, s.Command[1:]...)
	for name, want := range map[string]string{"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"} {
		if got := r.Do("CONFIG", "GET", name); !strings.Contains(got, want) {
			t.Errorf("%s is %q", name, got)
		}
	}
}
