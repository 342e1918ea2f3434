package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A RedisMode is how Redis is deployed.
type RedisMode string

const (
	RedisSingle   RedisMode = "single"
	RedisSentinel RedisMode = "sentinel"
	RedisCluster  RedisMode = "cluster"
)

// A RedisURL says where Redis is: redis://HOST/DB, redis+sentinel://H1,H2/MASTER or
// redis+cluster://H1,H2. With rediss the connections are encrypted. USER:PASSWORD@ may
// stand in front of the hosts, percent-encoded.
type RedisURL struct {
	Mode     RedisMode
	TLS      bool
	User     string
	Password auth.Secret
	Addrs    []string // HOST:PORT, at least one; of the sentinels, if there are
	DB       int      // of a single one
	Master   string   // its name among the sentinels
}

const maxRedisHosts = 100

var errRedisScheme = errors.New("the URL begins with none of redis://, redis+sentinel:// and redis+cluster://, nor with rediss for TLS")

// ParseRedisURL reads a URL. Package net/url cannot: it takes one host only. Errors show
// nothing of it, since any part may be a misplaced password.
func ParseRedisURL(text string) (*RedisURL, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(text), "://")
	protocol, mode, moded := strings.Cut(scheme, "+")
	u := &RedisURL{Mode: RedisSingle, TLS: protocol == "rediss"}
	if moded {
		u.Mode = RedisMode(mode)
	}
	if !ok || protocol != "redis" && protocol != "rediss" ||
		moded && u.Mode != RedisSentinel && u.Mode != RedisCluster {
		return nil, errRedisScheme
	}
	if strings.ContainsAny(rest, "?# \t\r\n") {
		return nil, errors.New("the URL has a query, a fragment or a space; such characters of a password are percent-encoded")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if err := u.login(rest[:at]); err != nil {
			return nil, err
		}
		rest = rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if err := u.hosts(hosts); err != nil {
		return nil, err
	}
	if err := u.path(path); err != nil {
		return nil, err
	}
	return u, nil
}

func (u *RedisURL) login(text string) error {
	user, password, _ := strings.Cut(text, ":")
	if strings.ContainsAny(text, "@/") {
		return errors.New("the URL's user or password holds an @ or a /, which are written %40 and %2F")
	}
	var err, err2 error
	u.User, err = url.PathUnescape(user)
	password, err2 = url.PathUnescape(password)
	if err != nil || err2 != nil {
		return errors.New("the URL's user or password holds a % that is none of percent-encoding; it is written %25")
	}
	u.Password = auth.NewSecret(password)
	return nil
}

func (u *RedisURL) hosts(text string) error {
	list := strings.Split(text, ",")
	switch {
	case len(list) > maxRedisHosts:
		return fmt.Errorf("the URL has %d hosts, at most %d are allowed", len(list), maxRedisHosts)
	case len(list) > 1 && u.Mode == RedisSingle:
		return errors.New("the URL has several hosts, which redis+sentinel:// or redis+cluster:// take")
	}
	port := "6379"
	if u.Mode == RedisSentinel {
		port = "26379"
	}
	for i, host := range list {
		host, port := host, port
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		} else {
			host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "[]%") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return fmt.Errorf("host %d of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT", i+1)
		}
		u.Addrs = append(u.Addrs, net.JoinHostPort(host, port))
	}
	return nil
}

func (u *RedisURL) path(path string) error {
	switch u.Mode {
	case RedisSentinel:
		if path == "" || strings.Contains(path, "/") {
			return errors.New("the URL names no master; write redis+sentinel://HOST,HOST/MASTER")
		}
		u.Master = path
	case RedisCluster:
		if path != "" {
			return errors.New("the URL has a path, and a cluster has one database only")
		}
	default:
		n, err := strconv.ParseUint(path, 10, 16)
		if err != nil && path != "" {
			return errors.New("the URL's path is no database; write a number, as in redis://HOST/0")
		}
		u.DB = int(n)
	}
	return nil
}

// String returns the URL without the password.
func (u RedisURL) String() string {
	var b strings.Builder
	b.WriteString("redis")
	if u.TLS {
		b.WriteString("s")
	}
	if u.Mode != RedisSingle {
		b.WriteString("+" + string(u.Mode))
	}
	b.WriteString("://")
	if u.User != "" || u.Password.Len() > 0 {
		b.WriteString(url.User(u.User).String())
		if u.Password.Len() > 0 {
			b.WriteString(":" + redacted)
		}
		b.WriteString("@")
	}
	b.WriteString(strings.Join(u.Addrs, ","))
	switch u.Mode {
	case RedisSingle:
		b.WriteString("/" + strconv.Itoa(u.DB))
	case RedisSentinel:
		b.WriteString("/" + u.Master)
	}
	return b.String()
}

const redacted = "[redacted]"
