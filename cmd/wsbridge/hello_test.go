package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestThePrintedLinesWork(t *testing.T) {
	for _, mode := range []string{"--dev", "production"} {
		t.Run(mode, func(t *testing.T) {
			env, args := keys, []string(nil)
			if mode == "--dev" {
				env, args = nil, []string{mode}
			}
			s := startServer(t, env, args...)
			lines := regexp.MustCompile(`curl [^\n]*?(?:/messages|channels=test')`).FindAllString(strings.ReplaceAll(s.err.String(), `\"`, `"`), -1)
			if len(lines) != 2 {
				t.Fatalf("%d lines to try in\n%s", len(lines), &s.err)
			}
			token := strings.TrimSpace(must(t, keys, "token", "ann", "--can", "test=subscribe"))
			try := func(line string) *exec.Cmd {
				cmd := exec.Command("sh", "-c", line)
				cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "API_KEY=" + testAPIKey, "TOKEN=" + token}
				return cmd
			}
			var received output
			receive := try("exec " + lines[0])
			receive.Stdout = &received
			if err := receive.Start(); err != nil {
				t.Fatal(err)
			}
			defer receive.Wait()
			defer receive.Process.Kill()
			eventually(t, "welcome of "+lines[0], func() bool { return strings.Contains(received.String(), "event: welcome") })
			if out, err := try(lines[1]).CombinedOutput(); err != nil || !strings.Contains(string(out), `"duplicate":false`) {
				t.Fatalf("%s: %v\n%s", lines[1], err, out)
			}
			eventually(t, "the message", func() bool { return strings.Contains(received.String(), `"data":{"hello":"world"}`) })
		})
	}
}

func TestReachable(t *testing.T) {
	for listened, want := range map[string]string{
		":8080":            "127.0.0.1:8080",
		"0.0.0.0:8080":     "127.0.0.1:8080",
		"[::]:8080":        "127.0.0.1:8080",
		"127.0.0.1:8080":   "127.0.0.1:8080",
		"[::1]:8080":       "[::1]:8080",
		"10.1.2.3:80":      "10.1.2.3:80",
		"bridge.local:443": "bridge.local:443",
	} {
		if got := reachable(listened); got != want {
			t.Errorf("%s is reached by %s, expected %s", listened, got, want)
		}
	}
}
