package config

import (
	"strings"
	"testing"
)

func TestServiceLinks(t *testing.T) {
	// As Kubernetes sets them for services named wsbridge and wsbridge-redis.
	load(t, Sources{Environ: []string{
		"WSBRIDGE_SERVICE_HOST=10.0.0.1",
		"WSBRIDGE_SERVICE_PORT=8080",
		"WSBRIDGE_SERVICE_PORT_HTTP=8080",
		"WSBRIDGE_PORT=tcp://10.0.0.1:8080",
		"WSBRIDGE_PORT_8080_TCP=tcp://10.0.0.1:8080",
		"WSBRIDGE_PORT_8080_TCP_PROTO=tcp",
		"WSBRIDGE_PORT_8080_TCP_PORT=8080",
		"WSBRIDGE_PORT_8080_TCP_ADDR=10.0.0.1",
		"WSBRIDGE_REDIS_SERVICE_HOST=10.0.0.2",
		"WSBRIDGE_REDIS_PORT=tcp://10.0.0.2:6379",
		"WSBRIDGE_REDIS_PORT_6379_TCP=tcp://10.0.0.2:6379",
	}})
	for _, variable := range []string{"WSBRIDGE_PORT=8080", "WSBRIDGE_SERVICE=x", "WSBRIDGE_PORT_8080=x", "WSBRIDGE_HOST=x"} {
		name, _, _ := strings.Cut(variable, "=")
		if _, err := Load(Sources{Environ: []string{variable}}); err == nil || !strings.HasPrefix(err.Error(), name+": there is no such setting; ") {
			t.Errorf("%s: error %v", variable, err)
		}
	}
}

func TestKnownVariables(t *testing.T) {
	load(t, Sources{Environ: []string{"WSBRIDGE_URL=http://localhost:8080", "WSBRIDGER=x", "X_WSBRIDGE_ADDR=x"}, Known: []string{"WSBRIDGE_URL"}})
}
