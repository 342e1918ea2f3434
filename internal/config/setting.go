package config

import (
	"slices"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A Setting is one line of the table that all places are read by.
type Setting struct {
	Name        string // such as redis-url
	Placeholder string // what stands for the value in help
	Default     string // as any place would write it; empty: unset
	DevDefault  string // with --dev, where another one holds
	Help        string // what it is for, a phrase
	Secret      bool   // its value is shown by nothing, and may stand in a file of its own

	field func(*Config) value
}

// Flag returns the name of the flag, without --.
func (s *Setting) Flag() string { return s.Name }

// Env returns the name of the variable.
func (s *Setting) Env() string { return envPrefix + strings.ToUpper(s.Key()) }

// Key returns the key in the YAML file.
func (s *Setting) Key() string { return strings.ReplaceAll(s.Name, "-", "_") }

// InFile reports whether the YAML file may hold it, which only its own path may not.
func (s *Setting) InFile() bool { return s.field != nil }

const envPrefix = "WSBRIDGE_"

// A secret may also be given by the path of a file that holds it: then these are
// appended to its name, its variable and its key.
const (
	fileFlag = "-file"
	fileEnv  = "_FILE"
	fileKey  = "_file"
)

// configName is the one setting that says where others are.
const configName = "config"

const (
	minute = time.Minute
	hour   = time.Hour
)

var settings = []Setting{
	{Name: configName, Placeholder: "FILE",
		Help: "YAML file with any of these settings, and the namespaces"},

	{Name: "addr", Placeholder: "HOST:PORT", Default: ":8080", DevDefault: "127.0.0.1:8080",
		Help:  "where clients and backends are served",
		field: func(c *Config) value { return addrValue{p: &c.Addr} }},
	{Name: "admin-addr", Placeholder: "HOST:PORT", Default: "127.0.0.1:8081",
		Help:  "where /metrics and /debug/pprof are served, or off",
		field: func(c *Config) value { return addrValue{p: &c.AdminAddr, off: true} }},

	{Name: "api-keys", Placeholder: "KEY,...", Secret: true,
		Help:  "keys that backends publish and administer with",
		field: func(c *Config) value { return keysValue{p: &c.APIKeys, header: true} }},
	{Name: "token-keys", Placeholder: "KEY,...", Secret: true,
		Help:  "keys of clients' tokens (HS256), at least 32 bytes each; the first signs, all verify",
		field: func(c *Config) value { return keysValue{p: &c.TokenKeys, min: auth.MinTokenKey} }},
	{Name: "allowed-origins", Placeholder: "ORIGIN,...",
		Help:  "origins of the pages that may connect, such as https://app.example.com, https://*.example.com or *; unset: the request's own host",
		field: func(c *Config) value { return originsValue{&c.AllowedOrigins} }},
	{Name: "trusted-proxies", Placeholder: "CIDR,...",
		Help:  "networks whose X-Forwarded-For is believed; unset: none",
		field: func(c *Config) value { return proxiesValue{&c.TrustedProxies} }},

	{Name: "redis-url", Placeholder: "URL", Secret: true,
		Help:  "redis[s]://HOST/DB, redis[s]+sentinel://H1,H2/MASTER or redis[s]+cluster://H1,H2, with USER:PASSWORD@ if needed; unset: the embedded broker",
		field: func(c *Config) value { return redisValue{&c.RedisURL} }},
	{Name: "redis-prefix", Placeholder: "NAME", Default: "wsbridge",
		Help:  "what all keys in Redis begin with",
		field: func(c *Config) value { return prefixValue{&c.RedisPrefix} }},
	{Name: "redis-ca", Placeholder: "FILE",
		Help:  "PEM file of the authorities that certificates of rediss servers are checked with; unset: those of the system",
		field: func(c *Config) value { return pathValue{&c.RedisCA} }},
	{Name: "redis-client-cert", Placeholder: "FILE",
		Help:  "PEM file of the certificate that rediss servers are shown; unset: none",
		field: func(c *Config) value { return pathValue{&c.RedisClientCert} }},
	{Name: "redis-client-key", Placeholder: "PEM", Secret: true,
		Help:  "private key of that certificate; unset: it stands in the same file",
		field: func(c *Config) value { return pemValue{&c.RedisClientKey} }},
	{Name: "redis-sentinel-auth", Placeholder: "USER:PASSWORD", Secret: true,
		Help:  "what sentinels are shown, or none; unset: the same as the servers",
		field: func(c *Config) value { return loginValue{&c.RedisSentinelAuth} }},

	{Name: "drain-delay", Placeholder: "TIME", Default: "3s",
		Help:  "how long everything goes on after SIGTERM, with /readyz at 503",
		field: func(c *Config) value { return durationValue{p: &c.DrainDelay, max: hour} }},
	{Name: "drain", Placeholder: "TIME", Default: "10s",
		Help:  "how long closing all connections is spread over after that",
		field: func(c *Config) value { return durationValue{p: &c.Drain, max: hour} }},
	{Name: "heartbeat", Placeholder: "TIME", Default: "25s",
		Help: "how often an idle connection is shown to be alive; whole seconds",
		field: func(c *Config) value {
			return durationValue{p: &c.Heartbeat, min: time.Second, max: 10 * minute, step: time.Second}
		}},
	{Name: "log-level", Placeholder: "LEVEL", Default: "info",
		Help:  "debug, info, warn or error",
		field: func(c *Config) value { return levelValue{&c.LogLevel} }},

	{Name: "position-ttl", Placeholder: "TIME", Default: "24h",
		Help:  "how long a channel's position outlives its last publish or resume while nobody is subscribed",
		field: func(c *Config) value { return durationValue{p: &c.PositionTTL, min: time.Second, max: 366 * 24 * hour} }},
	{Name: "max-message", Placeholder: "SIZE", Default: "256KiB",
		Help:  "largest payload of a message",
		field: func(c *Config) value { return sizeValue{&c.MaxMessage, 1, 64 << 20} }},
	{Name: "max-batch", Placeholder: "SIZE", Default: "16MiB",
		Help:  "largest body of a batch; at least twice max-message",
		field: func(c *Config) value { return sizeValue{&c.MaxBatch, 1, 1 << 30} }},
	{Name: "queue", Placeholder: "SIZE", Default: "1MiB",
		Help:  "what may wait for one client before it is closed as too slow; at least twice max-message",
		field: func(c *Config) value { return sizeValue{&c.Queue, 1, 1 << 30} }},
	{Name: "memory", Placeholder: "SIZE", Default: "256MiB",
		Help:  "what all logs of the embedded broker may take; at least twice max-message",
		field: func(c *Config) value { return sizeValue{&c.Memory, 1, 1 << 50} }},

	{Name: "max-connections", Placeholder: "N", Default: "auto",
		Help:  "how many WebSockets, streams and held polls the instance may have; auto: as many as may open files, but for a reserve",
		field: func(c *Config) value { return countValue{&c.MaxConnections, 10_000_000, "auto"} }},
	{Name: "max-connections-per-address", Placeholder: "N", Default: "off",
		Help:  "how many of them one address may have; of IPv6 a /64",
		field: func(c *Config) value { return countValue{&c.MaxConnectionsPerAddress, 10_000_000, "off"} }},
	{Name: "connect-rate", Placeholder: "N", Default: "off",
		Help:  "how many WebSockets and streams may be opened a second; those beyond are told when to come again",
		field: func(c *Config) value { return countValue{&c.ConnectRate, 1_000_000, "off"} }},
	{Name: "request-rate-per-address", Placeholder: "N", Default: "off",
		Help:  "how many requests of clients a second one address may send; ten seconds' worth at once",
		field: func(c *Config) value { return countValue{&c.RequestRatePerAddress, 1_000_000, "off"} }},
	{Name: "command-rate", Placeholder: "N", Default: "off",
		Help:  "how many commands a second one WebSocket may send; ten seconds' worth at once",
		field: func(c *Config) value { return countValue{&c.CommandRate, 1_000_000, "off"} }},
	{Name: "byte-rate", Placeholder: "SIZE", Default: "off",
		Help:  "how many bytes a second one WebSocket may send; ten seconds' worth at once, and always the largest command",
		field: func(c *Config) value { return sizeOrOff{sizeValue{&c.ByteRate, 1, 1 << 30}} }},

	{Name: "max-stream", Placeholder: "SIZE", Default: "off",
		Help:  "how long a stream may be",
		field: func(c *Config) value { return sizeOrOff{sizeValue{&c.MaxStream, 1, 1 << 50}} }},
	{Name: "stream-memory", Placeholder: "SIZE", Default: "256MiB",
		Help:  "what the windows of all streams may take, 4 MiB each",
		field: func(c *Config) value { return sizeValue{&c.StreamMemory, 8 << 20, 1 << 50} }},
	{Name: "max-streams", Placeholder: "N", Default: "64",
		Help:  "how many streams may be sent to the instance at once",
		field: func(c *Config) value { return numberValue{&c.MaxStreams, 100_000} }},
	{Name: "max-streams-per-user", Placeholder: "N", Default: "4",
		Help:  "how many of them one user may send, or one address without a token",
		field: func(c *Config) value { return numberValue{&c.MaxStreamsPerUser, 100_000} }},
	{Name: "max-stream-consumers", Placeholder: "N", Default: "1000",
		Help:  "how many may read streams from the instance at once",
		field: func(c *Config) value { return numberValue{&c.MaxStreamConsumers, 1_000_000} }},
}

// Settings returns the table, in the order that help and documentation show it.
func Settings() []Setting { return slices.Clone(settings) }

// lookup finds a setting by its name as spell writes it, and whether it was the name of
// the file with a secret.
func lookup(name string, spell func(*Setting) string, suffix string) (s *Setting, file bool) {
	for i := range settings {
		s := &settings[i]
		switch spelled := spell(s); {
		case name == spelled:
			return s, false
		case s.Secret && name == spelled+suffix:
			return s, true
		}
	}
	return nil, false
}

// names returns all names that lookup finds.
func names(spell func(*Setting) string, suffix string) []string {
	var all []string
	for i := range settings {
		s := &settings[i]
		all = append(all, spell(s))
		if s.Secret {
			all = append(all, spell(s)+suffix)
		}
	}
	return all
}
