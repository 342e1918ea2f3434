package redistest

import (
	"strconv"
	"testing"
)

func TestSlot(t *testing.T) {
	t.Parallel()
	s := Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(Port(t)))
	for _, key := range []string{"", "a", "wsbridge:v1:{orders:42}:log", "{}a", "{a", "a}{b}", "{{a}}", "{a}{b}", "123456789"} {
		if got, want := strconv.Itoa(Slot(key)), s.Do("CLUSTER", "KEYSLOT", key); got != want {
			t.Errorf("Slot(%q) = %s, Redis says %s", key, got, want)
		}
	}
}
