package load

import (
	"fmt"
	"testing"
)

func TestReasonsAreBounded(t *testing.T) {
	var r reasons
	for i := range 100 {
		for range 100 - i {
			r.add(fmt.Sprintf("reason %d", i))
		}
	}
	list := r.list()
	if len(list) != maxReasons+1 {
		t.Fatalf("%d reasons are told apart", len(list))
	}
	sum := 0
	for i, reason := range list {
		sum += reason.Count
		if i > 0 && reason.Count > list[i-1].Count {
			t.Errorf("%v stands behind %v", reason, list[i-1])
		}
	}
	if sum != 5050 || list[0].Why != "other reasons" || list[1] != (Reason{"reason 0", 100}) {
		t.Errorf("%d in all: %v", sum, list)
	}
}
