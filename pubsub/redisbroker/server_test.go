package redisbroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

func TestCheckVersion(t *testing.T) {
	for _, c := range []struct {
		version       string
		node, cluster bool // whether it is good for either
	}{
		{"7.0.15", true, true},
		{"7.2.4", true, true},
		{"8.0.0", true, true},
		{"10.1.2", true, true},
		{"6.2.0", true, false},
		{"6.2.14", true, false},
		{"6.10.0", true, false},
		{"6.0.16", false, false},
		{"5.0.7", false, false},
		{"2.8", false, false},
		{"", true, true},
		{"unstable", true, true},
		{"7", true, true},
		{"255.255.255", true, true}, // built from source
	} {
		for cluster, good := range map[bool]bool{false: c.node, true: c.cluster} {
			err := checkVersion(c.version, cluster)
			if good && err != nil {
				t.Errorf("%q, Cluster %t: %v", c.version, cluster, err)
			}
			if !good && err == nil {
				t.Errorf("%q, Cluster %t: want a refusal", c.version, cluster)
			}
			if err != nil {
				mustRefuse(t, err, c.version, "upgrade")
			}
		}
	}
}

func TestWrongKindOfServer(t *testing.T) {
	node := redistest.Start(t).Addr()
	secure, settings := redistest.StartTLS(t)
	cluster := redistest.StartCluster(t, 3, 0).Nodes[0].Addr()
	sentinel := redistest.StartSentinels(t, 1, redistest.Start(t)).Addrs[0]
	for _, c := range []struct {
		o     Options
		words []string
	}{
		{Options{Addrs: []string{node}, Cluster: true}, []string{"no node of a Redis Cluster", "redis://" + node}},
		{Options{Addrs: []string{secure.Addr()}, Cluster: true, TLS: settings}, []string{"no node of a Redis Cluster", "rediss://" + secure.Addr()}},
		{Options{Addrs: []string{cluster}}, []string{"a node of a Redis Cluster", "redis+cluster://" + cluster}},
		{Options{Addrs: []string{sentinel}}, []string{"a sentinel", "redis+sentinel://" + sentinel + "/MASTER"}},
		{Options{Addrs: []string{sentinel}, Master: "other"}, []string{`no master "other"`}},
	} {
		mustRefuse(t, startError(t, c.o), c.words...)
	}
}

func TestInfoField(t *testing.T) {
	const info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nempty:\r\n"
	for name, want := range map[string]string{
		"redis_version": "7.0.15", "redis_mode": "standalone", "empty": "", "redis": "", "version": "", "": "",
	} {
		if got := infoField(info, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
