package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadSettingsAreOneLine(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "wsbridge.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		says string
	}{
		{"no keys", nil, nil, "no keys: set WSBRIDGE_API_KEYS"},
		{"unknown variable", []string{"WSBRIDGE_ADR=:80"}, nil, "WSBRIDGE_ADR: there is no such setting"},
		{"bad value of a variable", []string{"WSBRIDGE_DRAIN=soon"}, nil, "WSBRIDGE_DRAIN: "},
		{"bad value of a flag", nil, []string{"--addr=80"}, "--addr: "},
		{"no such file", nil, []string{"--config=/nowhere.yaml"}, "/nowhere.yaml"},
		{"unknown key in the file", nil, []string{"--config=" + file("adress: :80\n")}, "adress: there is no such setting"},
		{"bad namespace", nil, []string{"--config=" + file("namespaces: {orders: {retention: {count: many}}}\n")}, "count"},
		{"short token key", []string{"WSBRIDGE_TOKEN_KEYS=hunter2"}, nil, "WSBRIDGE_TOKEN_KEYS: "},
		{"bad Redis URL", []string{"WSBRIDGE_REDIS_URL=redis://:hunter2@a,b"}, nil, "WSBRIDGE_REDIS_URL: the URL has several hosts"},
		{"no authority", append(keys, "WSBRIDGE_REDIS_URL=rediss://:hunter2@a"), []string{"--redis-ca=/nowhere.pem"}, "--redis-ca: open /nowhere.pem"},
		{"authority without TLS", append(keys, "WSBRIDGE_REDIS_URL=redis://:hunter2@a"), []string{"--redis-ca=/nowhere.pem"}, "redis-ca is set (--redis-ca), and redis-url (WSBRIDGE_REDIS_URL) asks for no encryption"},
		{"no file with a secret", []string{"WSBRIDGE_API_KEYS_FILE=/nowhere"}, nil, "WSBRIDGE_API_KEYS_FILE: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, sub := range [][]string{{"serve"}, {"config", "check"}} {
				status, out, err := command(t, tt.env, append(sub, tt.args...)...)
				if status != 1 || out != "" || !strings.Contains(err, tt.says) || strings.Count(err, "\n") != 1 {
					t.Errorf("%v: status %d, expected one line with %q\n%s%s", sub, status, tt.says, out, err)
				}
				if strings.Contains(err, "hunter2") {
					t.Errorf("%v shows a secret: %s", sub, err)
				}
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	if out := must(t, keys, "config", "check"); out != "ok\n" {
		t.Errorf("config check says %q", out)
	}
	if out := must(t, nil, "config", "check", "--dev"); out != "ok\n" {
		t.Errorf("config check --dev says %q", out)
	}
	if out := must(t, append(keys, "WSBRIDGE_REDIS_URL=rediss+sentinel://ann:hunter2@a,b/main", "WSBRIDGE_REDIS_SENTINEL_AUTH=none"), "config", "check"); out != "ok\n" {
		t.Errorf("config check with Redis says %q", out)
	}
	_, _, err := command(t, []string{"WSBRIDGE_API_KEYS=short"}, "config", "check")
	if !strings.Contains(err, "warning: API key 1 has 5 bytes") {
		t.Errorf("config check warns of %q", err)
	}
}

func TestConfigShowSaysWhereFrom(t *testing.T) {
	out := must(t, append(keys, "WSBRIDGE_DRAIN=7s", "WSBRIDGE_HEARTBEAT=9s", "WSBRIDGE_REDIS_URL=redis://:hunter2@h"), "config", "show", "--heartbeat=11s")
	for _, want := range []string{"drain: 7s", "# WSBRIDGE_DRAIN", "heartbeat: 11s", "# --heartbeat", "redis_url: redis://:[redacted]@h:6379/0", "drain_delay: 3s", "# default"} {
		if !strings.Contains(out, want) {
			t.Errorf("config show lacks %q:\n%s", want, out)
		}
	}
	for _, secret := range []string{testAPIKey, testTokenKey, "hunter2"} {
		if strings.Contains(out, secret) {
			t.Errorf("config show shows %s", secret)
		}
	}
}
