package config

import (
	"strings"
	"testing"
)

func TestDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"comment":   "# nothing\n",
		"separator": "---\naddr: :1\n",
		"json":      `{"addr": ":1"}`,
		"carriage":  "addr: :1\r\nqueue: 2MiB\r\n",
		"mark":      "\ufeffaddr: :1\n",
		"number":    "addr: ':1'\nmemory: 268435456\n",
		"block":     "api_keys: |\n  abc\n  def\naddr: :1",
	} {
		c, err := Load(inFile(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(text, "addr") && c.Addr != ":1" {
			t.Errorf("%s: addr is %s", name, c.Addr)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"- addr", "w.yaml:1: expected is a mapping of names to values, not a list"},
		{"addr", "w.yaml:1: expected is a mapping of names to values, not a single value"},
		{"addr: :1\n---\naddr: :2", "w.yaml:3: a second document begins; one is allowed"},
		{"\naddress: :1", "w.yaml:2: address: there is no such setting; did you mean addr?"},
		{"config: x.yaml", "w.yaml:1: config: there is no such setting; allowed are addr, admin_addr"},
		{"addr:", "w.yaml:1: addr: it has no value"},
		{"addr: null", "w.yaml:1: addr: it has no value"},
		{"addr: {a: b}", "w.yaml:1: addr: expected is a text or a number, not a mapping"},
		{"addr: !!str :1", "w.yaml:1: addr: expected is a text or a number, not a tag or a directive"},
		{"addr: &a :1", "w.yaml:1: addr: expected is a text or a number, not an anchor, an alias or a merge"},
		{"addr: *a", "w.yaml:1: addr: expected is a text or a number, not an anchor, an alias or a merge"},
		{"<<: {addr: :1}", "w.yaml:1: expected is a text or a number, not an anchor, an alias or a merge"},
		{"api_keys: []", "w.yaml:1: api_keys: the list is empty; leave the setting out instead"},
		{"api_keys:\n- a\n- b,c", "w.yaml:3: api_keys: entry 2 has a comma in it, which ends an entry everywhere else"},
		{"api_keys: [[a]]", "w.yaml:1: api_keys: expected is a text or a number, not a list"},
		{"api_keys: a\napi_keys_file: b", "w.yaml:2: api_keys_file: it is set by w.yaml:1: api_keys as well; one of them has to go"},
		{"queue: 2MiB\nqueue: 3MiB", `w.yaml:2: it is no YAML here: mapping key "queue" already defined at [1:1]`},
		{"addr: [", "w.yaml:1: it is no YAML here: "},
		{"addr:\n\t- x", `w.yaml:2: it is no YAML here: found character '\t' that cannot start any token`},
		{"addr: \xff", "w.yaml: it is not UTF-8"},
		{strings.Repeat("#", maxDocument+1), "w.yaml: it is larger than 256KiB"},
	} {
		if _, err := Load(inFile(test.text)); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: error %v\n want %s", test.text, err, test.want)
		}
	}
}

// What is wrong near a secret is told without it.
func TestErrorsShowNoSecrets(t *testing.T) {
	const secret = "s3cret"
	for _, text := range []string{
		"api_keys: s3cret\n  token: x",
		"api_keys: \"s3cret",
		"api_keys: 's3cret",
		"api_keys: [s3cret",
		"api_keys: {s3cret",
		"api_keys: s3cret: s3cret",
		"api_keys: s3cret\naddr: [",
		"api_keys: [s3cret, {}]",
		"api_keys: ['s3cret,s3cret']",
		"api_keys: 's3cret s3cret'",
		"api_keys: |\n  s3cret\n s3cret",
		"api_keys: !s3cret s3cret",
		"api_keys: *s3cret",
		"api_keys: @s3cret",
		"api_keys: %s3cret",
		"token_keys: s3cret",
		"redis_sentinel_auth: s3cret",
		"redis_url: s3cret",
		"redis_url: redis://:s3cret@h:x",
		"redis_url: redis://:s3cret/@h",
		"redis_url: redis://h/s3cret",
		"redis_url: redis://h?password=s3cret",
		"redis_url: redis://:%s3cret@h",
	} {
		_, err := Load(inFile(text))
		if err == nil {
			t.Errorf("%q is no mistake", text)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(namespacesText)
	f.Add("addr: :1\napi_keys: [a, b]\n")
	f.Add("token_keys: |\n  " + tokenKey + "\n")
	f.Add("queue: !!int 1\nx: &a [*a]\n<<: *a\n? {a: b}\n: c")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2048 {
			return // the parser takes quadratic time for deep nesting
		}
		c, err := Load(inFile(text))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		var shown strings.Builder
		if err := c.Show(&shown); err != nil {
			t.Fatal(err)
		}
		if c.APIKeys != nil || c.TokenKeys != nil || c.RedisURL != nil {
			return
		}
		again, err := Load(inFile(shown.String()))
		if err != nil {
			t.Fatalf("what is shown cannot be read: %v\n%s", err, shown.String())
		}
		if diff := diffSettings(c, again); diff != "" {
			t.Errorf("what is shown is read as something else: %s", diff)
		}
	})
}
