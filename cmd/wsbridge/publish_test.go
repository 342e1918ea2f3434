package main

import (
	"strings"
	"testing"
)

func TestRepeatsPublishOnce(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	first := must(t, env, "publish", "a", "1", "--idempotency-key=k")
	again := must(t, env, "publish", "a", "1", "--idempotency-key=k")
	if want := strings.Replace(first, `"duplicate":false`, `"duplicate":true`, 1); again != want || first == want {
		t.Errorf("%s then %s", first, again)
	}
	if status, _, err := command(t, env, "publish", "a", "2", "--idempotency-key=k"); status != 1 || !strings.Contains(err, "422 key_reused") {
		t.Errorf("another body: status %d, %s", status, err)
	}
}

func TestWhatIsPublished(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	for _, tt := range []struct {
		stdin string
		args  []string
		want  string // within the message
	}{
		{"", []string{"42"}, `"data":42,`},
		{"", []string{"null"}, `"data":null,`},
		{"", []string{"42", "--text"}, `"data":"42",`},
		{"", []string{"a <b>"}, `"data":"a <b>",`},
		{"{\n \"n\": 1.50\n}\n", nil, `"data":{"n":1.50},`},
		{"two\nlines", nil, `"data":"two\nlines",`},
		{"\x00\xff", []string{"--binary"}, `"data_base64":"AP8=",`},
		{"", []string{"--binary"}, `"data_base64":"",`},
		{"", []string{"--event=done"}, `"event":"done","time"`},
	} {
		p := begin(t, strings.NewReader(tt.stdin), env, append([]string{"publish", "a"}, tt.args...)...)
		if status := p.status(); status != 0 {
			t.Errorf("publish %v: status %d: %s", tt.args, status, &p.err)
			continue
		}
		if _, body := get(t, s.url+"/v1/channels/a/messages?limit=1"); !strings.Contains(body, tt.want) {
			t.Errorf("publish %v < %q: %s lacks %s", tt.args, tt.stdin, body, tt.want)
		}
	}
}

func TestPublishTakesBytesForTextOnlyWhenTold(t *testing.T) {
	p := begin(t, strings.NewReader("\xff"), nil, "publish", "a")
	if status := p.status(); status != 1 || !strings.Contains(p.err.String(), "--binary") {
		t.Errorf("status %d: %s", status, &p.err)
	}
}

func TestPublishGivesUp(t *testing.T) {
	status, out, err := command(t, []string{"WSBRIDGE_URL=http://127.0.0.1:1"}, "publish", "a", "1", "--timeout=50ms")
	if status != 1 || out != "" || !strings.Contains(err, "connection refused") {
		t.Errorf("status %d: %s%s", status, out, err)
	}
}
