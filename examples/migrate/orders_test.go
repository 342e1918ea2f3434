package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, path string) *orders {
	t.Helper()
	s, err := openOrders(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.file.Close() })
	return s
}

func add(t *testing.T, s *orders, text string) {
	t.Helper()
	if _, err := s.add(text); err != nil {
		t.Fatal(err)
	}
}

// TestOrdersOutliveTheProgram goes on in the numbers, and in what is published, as a release of another step does.
func TestOrdersOutliveTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders")
	s := open(t, path)
	add(t, s, "one")
	add(t, s, "two")
	if err := s.markPublished(1); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	add(t, s, "three")
	list, _ := s.after(1)
	if len(list) != 2 || list[0].N != 2 || list[0].Text != "two" || list[1].N != 3 {
		t.Error(list)
	}
	if o, _ := s.unpublished(); o == nil || o.N != 2 {
		t.Error("to be published next:", o)
	}
	if err := s.markPublished(3); err != nil {
		t.Fatal(err)
	}
	if o, _ := open(t, path).unpublished(); o != nil {
		t.Error("published again:", o)
	}
}

func TestOrdersAreBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "orders"))
	for _, text := range []string{"", strings.Repeat("a", maxText+1)} {
		if _, err := s.add(text); !errors.Is(err, errText) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	for range maxOrders {
		add(t, s, "tea")
	}
	if _, err := s.add("one more"); err == nil || errors.Is(err, errText) {
		t.Error("more than fit:", err)
	}
	if list := s.newest(); len(list) != 100 || list[99].N != maxOrders {
		t.Error("the newest are", len(list))
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders")
	if err := os.WriteFile(path, []byte(`{"order":{"n":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openOrders(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}
