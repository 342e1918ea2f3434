package auth

import "testing"

func TestKeysMatch(t *testing.T) {
	keys := NewKeys([]Secret{NewSecret("first"), {}, NewSecret("second"), NewSecret("second")})
	for presented, want := range map[string]bool{
		"first": true, "second": true, "": false, "firs": false, "first ": false, "FIRST": false, "third": false, "firstsecond": false,
	} {
		if got := keys.Match(presented); got != want {
			t.Errorf("Match(%q) = %v", presented, got)
		}
	}
	var none *Keys
	if none.Match("") || none.Match("first") || NewKeys(nil).Match("") {
		t.Error("no keys match something")
	}
}
