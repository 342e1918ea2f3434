package config

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A Config holds the settings in force. [Load] makes one. [Settings] says what each is for.
type Config struct {
	Addr           string // HOST:PORT
	AdminAddr      string // HOST:PORT; empty: there is no admin listener
	APIKeys        []auth.Secret
	TokenKeys      []auth.Secret // the first signs
	AllowedOrigins auth.Origins
	TrustedProxies auth.Proxies
	RedisURL       *RedisURL // nil: the embedded broker
	RedisPrefix    string

	RedisCA           string      // path
	RedisClientCert   string      // path
	RedisClientKey    auth.Secret // PEM
	RedisTLS          *tls.Config // made of these; nil: connections to Redis are not encrypted
	RedisSentinelAuth *RedisLogin // nil: that of RedisURL

	DrainDelay  time.Duration
	Drain       time.Duration
	LogLevel    slog.Level
	Heartbeat   time.Duration // whole seconds
	PositionTTL time.Duration
	MaxMessage  int64 // bytes, as all sizes
	MaxBatch    int64
	Queue       int64
	Memory      int64

	// Limits of clients; 0: none, of MaxConnections: what open files allow.
	MaxConnections           int
	MaxConnectionsPerAddress int
	ConnectRate              int
	RequestRatePerAddress    int
	CommandRate              int
	ByteRate                 int64

	MaxStream          int64 // 0: any length
	StreamMemory       int64
	MaxStreams         int
	MaxStreamsPerUser  int
	MaxStreamConsumers int

	// Namespaces are those of the file, and always [pubsub.DefaultNamespace].
	Namespaces map[string]*Namespace

	File string // the YAML file that was read, if any
	Dev  bool   // of Sources

	given map[string]string // by setting's name: the place that set it, if one did
	byDev map[string]bool   // by setting's name: --dev set it
}

// Given reports whether a setting was set anywhere, by its name in [Settings].
func (c *Config) Given(name string) bool { return c.given[name] != "" }

// LoopbackOnly reports whether only this machine is to be answered, by the Host header
// (see [auth.Loopback]): with --dev, until an address is given.
func (c *Config) LoopbackOnly() bool { return c.Dev && !c.Given("addr") }

// Broker names the broker that is used: embedded, or where Redis is, without the password.
func (c *Config) Broker() string {
	if c.RedisURL == nil {
		return "embedded"
	}
	return c.RedisURL.String()
}

// Validate refuses to go without keys, except with --dev. What else can be wrong, Load
// has refused already.
func (c *Config) Validate() error {
	if c.Dev || len(c.APIKeys) > 0 || len(c.TokenKeys) > 0 {
		return nil
	}
	return fmt.Errorf("no keys: set WSBRIDGE_API_KEYS (backends publish with one) and WSBRIDGE_TOKEN_KEYS "+
		"(clients' tokens are signed with one; at least %d bytes each), or try it without keys: wsbridge serve --dev", auth.MinTokenKey)
}

// Warnings are sentences about settings that work, and are seldom meant.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if c.RedisURL != nil && c.Given("memory") {
		warn("memory bounds the embedded broker, and redis-url is set")
	}
	if (c.MaxConnectionsPerAddress > 0 || c.RequestRatePerAddress > 0) && len(c.TrustedProxies) == 0 {
		warn("limits per address are set, and trusted-proxies is not: clients behind a proxy or load balancer count as one")
	}
	if c.Dev {
		if !c.LoopbackOnly() {
			warn("--dev on %s: whoever reaches it may do everything", c.Addr)
		}
		return warnings
	}
	for i, key := range c.APIKeys {
		if key.Len() < goodAPIKey {
			warn("API key %d has %d bytes; use at least %d, for example from: openssl rand -hex 32", i+1, key.Len(), goodAPIKey)
		}
	}
	if len(c.APIKeys) == 0 {
		warn("no API keys: no backend can publish")
	}
	if len(c.TokenKeys) == 0 {
		warn("no token keys: clients may do only what namespaces allow to anonymous ones")
	}
	if c.AllowedOrigins.Any() {
		warn("allowed-origins has *: pages of every site may connect")
	}
	return warnings
}

// goodAPIKey is how many bytes a key should have that nobody is to guess.
const goodAPIKey = 16

// Retention returns what the log of a channel keeps.
func (c *Config) Retention(channel pubsub.Channel) pubsub.Retention {
	return c.namespace(channel.Namespace()).Retention
}

// Anonymous returns what a namespace allows to everyone.
func (c *Config) Anonymous(namespace string) auth.Op { return c.namespace(namespace).Anonymous }

// namespace returns the settings of a namespace, or of the default one if it has none.
func (c *Config) namespace(name string) *Namespace {
	if ns, ok := c.Namespaces[name]; ok {
		return ns
	}
	if ns, ok := c.Namespaces[pubsub.DefaultNamespace]; ok {
		return ns
	}
	return &defaultNamespace
}
