package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestNoSecretIsLogged(t *testing.T) {
	s := startServer(t, append(keys, "WSBRIDGE_LOG_LEVEL=debug", "WSBRIDGE_REDIS_URL="))
	token := strings.TrimSpace(must(t, keys, "token", "ann", "--can", "secret-channel=subscribe,publish"))
	const payload, wrong = "payload-that-nobody-may-see", "wrong-key-that-somebody-shows"

	try := func(method, path, key, body string) {
		req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	quoted := `"` + payload + `"`
	try("POST", "/v1/channels/secret-channel/messages", testAPIKey, quoted)
	try("POST", "/v1/channels/secret-channel/messages", wrong, quoted)
	try("POST", "/v1/channels/secret-channel/messages", testAPIKey, `{"broken":`+quoted)
	try("GET", "/v1/poll?wait=0&cursor=secret-channel@0&token="+token, "", "")
	try("GET", "/v1/poll?wait=0&cursor=secret-channel@0&token="+token+"x", "", "")
	try("POST", "/v1/send", "", `{"type":"publish","token":"`+token+`","channel":"secret-channel","data":`+quoted+`}`)
	try("POST", "/v1/send", "", `{"type":"publish","token":"`+wrong+`","channel":"secret-channel","data":`+quoted+`}`)
	p := s.listening("secret-channel", "--token="+token, "--count=1")
	must(t, []string{"WSBRIDGE_URL=" + s.url, "WSBRIDGE_API_KEY=" + testAPIKey}, "publish", "secret-channel", payload)
	p.status()
	s.terminate()

	log := s.out.String() + s.err.String()
	if !strings.Contains(log, `"level":"DEBUG"`) {
		t.Fatalf("nothing was logged at level debug:\n%s", log)
	}
	signature := token[strings.LastIndexByte(token, '.')+1:]
	for name, secret := range map[string]string{
		"the API key": testAPIKey, "the token key": testTokenKey, "a token": token, "a token's signature": signature,
		"a wrong key": wrong, "a payload": payload,
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %s:\n%s", name, log)
		}
	}
}
