package config

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
)

// Sources are the places that settings come from. The zero value gives the defaults.
type Sources struct {
	Flags   map[string]string // those that were given, by the settings' names, or NAME-file of a secret
	Environ []string          // NAME=VALUE, as os.Environ returns them

	// Known are WSBRIDGE_* variables that something else reads, and which are no mistake.
	Known []string

	// ReadFile reads the files that flags, variables and the file itself name. What is
	// longer than limit bytes may be cut behind it. Default: the file system.
	ReadFile func(name string, limit int64) ([]byte, error)

	// Dev is serve --dev: no keys are needed, one for tokens is made up, and only this
	// machine is served unless an address is given.
	Dev bool
}

// An entry is the text of a setting, or the path of a file that holds it, as it stands
// in one place.
type entry struct {
	setting *Setting
	file    bool // text is a path
	text    string
	where   string // the place: --addr, WSBRIDGE_ADDR or FILE:LINE
	key     string // its name there, unless the place says it
}

// String names the place and the setting in it, for errors.
func (e *entry) String() string {
	if e.key == "" {
		return e.where
	}
	return e.where + ": " + e.key
}

// Load returns the settings in force. Its error is one line.
func Load(src Sources) (*Config, error) {
	if src.ReadFile == nil {
		src.ReadFile = readFile
	}
	flags, err := flagEntries(src.Flags)
	if err != nil {
		return nil, err
	}
	environ, err := environEntries(src.Environ, src.Known)
	if err != nil {
		return nil, err
	}
	c := &Config{Dev: src.Dev, given: make(map[string]string), byDev: make(map[string]bool)}
	var document []entry
	for _, e := range slices.Concat(environ, flags) {
		if e.setting.Name == configName {
			c.File, c.given[configName] = e.text, e.where
		}
	}
	if c.given[configName] != "" {
		if document, err = c.readDocument(src); err != nil {
			return nil, err
		}
	}
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	// The later place wins. The earlier ones are read all the same, and have to be right.
	for _, place := range [][]entry{document, environ, flags} {
		if err := c.set(src, place); err != nil {
			return nil, err
		}
	}
	c.dev()
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, c.redisTLS(src)
}

func (c *Config) readDocument(src Sources) ([]entry, error) {
	data, err := src.ReadFile(c.File, maxDocument+1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.given[configName], err)
	}
	d := document{c.File}
	entries, namespaces, err := d.parse(data)
	c.Namespaces = namespaces
	return entries, err
}

// setDefaults sets what has a default.
func (c *Config) setDefaults() error {
	for i := range settings {
		s := &settings[i]
		text := s.Default
		if c.Dev && s.DevDefault != "" {
			text = s.DevDefault
			c.byDev[s.Name] = true
		}
		if text == "" {
			continue
		}
		if err := s.field(c).set(text); err != nil {
			return fmt.Errorf("default of %s: %w", s.Name, err)
		}
	}
	if c.Namespaces == nil {
		c.Namespaces = make(map[string]*Namespace)
	}
	if c.Namespaces[pubsub.DefaultNamespace] == nil {
		ns := defaultNamespace
		c.Namespaces[pubsub.DefaultNamespace] = &ns
	}
	return nil
}

// set sets what stands in one place, where nothing may be set twice.
func (c *Config) set(src Sources, place []entry) error {
	seen := make(map[string]string)
	for _, e := range place {
		s := e.setting
		if other := seen[s.Name]; other != "" {
			return fmt.Errorf("%s: it is set by %s as well; one of them has to go", &e, other)
		}
		seen[s.Name] = e.String()
		if s.Name == configName {
			continue
		}
		text := e.text
		if e.file {
			secret, err := readSecret(src, text)
			if err != nil {
				return fmt.Errorf("%s: %w", &e, err)
			}
			text = secret
		}
		if err := s.field(c).set(text); err != nil {
			return fmt.Errorf("%s: %w", &e, err)
		}
		c.given[s.Name] = e.where
	}
	return nil
}

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 64 << 10

func readSecret(src Sources, path string) (string, error) {
	data, err := src.ReadFile(path, maxSecret+1)
	switch {
	case err != nil:
		return "", err
	case len(data) > maxSecret:
		return "", fmt.Errorf("%s is larger than %s", quote(path), size(maxSecret))
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", fmt.Errorf("%s is empty", quote(path))
	}
	return text, nil
}

// dev sets what --dev brings along, as far as nothing else was given.
func (c *Config) dev() {
	if !c.Dev {
		return
	}
	if len(c.TokenKeys) == 0 {
		key := make([]byte, auth.MinTokenKey)
		rand.Read(key)
		c.TokenKeys = []auth.Secret{auth.NewSecret(hex.EncodeToString(key))}
		c.byDev["token-keys"] = true
	}
	if c.LoopbackOnly() && !c.Given("allowed-origins") {
		c.AllowedOrigins = auth.LoopbackOrigins()
		c.byDev["allowed-origins"] = true
	}
}

// check holds settings against each other.
func (c *Config) check() error {
	// A message in base64 with all that stands beside it has to pass through each of these.
	for _, room := range []struct {
		name  string
		bytes int64
	}{{"queue", c.Queue}, {"max-batch", c.MaxBatch}, {"memory", c.Memory}} {
		if room.bytes/2 < c.MaxMessage {
			return fmt.Errorf("%s is %s (%s); it has to be at least twice max-message, which is %s (%s)",
				room.name, size(room.bytes), c.where(room.name), size(c.MaxMessage), c.where("max-message"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Namespaces)) {
		// Positions outlive messages, or who comes back could not be told what it missed.
		if ns := c.Namespaces[name]; ns.age != "" && ns.Retention.Age > c.PositionTTL {
			return fmt.Errorf("%s: %s is longer than position-ttl, which is %s (%s)",
				ns.age, duration(ns.Retention.Age), duration(c.PositionTTL), c.where("position-ttl"))
		}
	}
	if c.RedisSentinelAuth != nil && c.RedisURL != nil && c.RedisURL.Mode != RedisSentinel {
		return fmt.Errorf("redis-sentinel-auth is set (%s), and redis-url (%s) names no sentinels",
			c.where("redis-sentinel-auth"), c.where("redis-url"))
	}
	if c.Addr == c.AdminAddr && !strings.HasSuffix(c.Addr, ":0") {
		return fmt.Errorf("addr and admin-addr are both %s (%s, %s)", c.Addr, c.where("addr"), c.where("admin-addr"))
	}
	return nil
}

// where returns the place that a setting comes from.
func (c *Config) where(name string) string {
	if where := c.given[name]; where != "" {
		return where
	}
	if c.byDev[name] {
		return "--dev"
	}
	return "default"
}

// flagEntries reads the flags in the order of their names.
func flagEntries(flags map[string]string) ([]entry, error) {
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		s, file := lookup(name, (*Setting).Flag, fileFlag)
		if s == nil {
			return nil, fmt.Errorf("--%s: there is no such setting%s", name, suggest(name, names((*Setting).Flag, fileFlag)))
		}
		entries = append(entries, entry{setting: s, file: file, text: flags[name], where: "--" + name})
	}
	return entries, nil
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
