package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestACaseIsTakenByOneAgent(t *testing.T) {
	s := newCases()
	c, err := s.open("Ann", "Where is my parcel?")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.take(c.ID, "Bea"); err != nil || c.Agent != "Bea" || c.Version != 2 {
		t.Fatal(c, err)
	}
	if _, err := s.take(c.ID, "Cid"); !errors.Is(err, errTaken) {
		t.Error("taken twice:", err)
	}
	if _, err := s.take(c.ID, "Bea"); err != nil {
		t.Error("not taken again by its agent:", err)
	}
	if _, err := s.close(c.ID, "Cid"); !errors.Is(err, errTaken) {
		t.Error("closed by another:", err)
	}
	if _, err := s.close(c.ID, "Bea"); err != nil {
		t.Error(err)
	}
	if _, err := s.take(c.ID, "Bea"); !errors.Is(err, errGone) {
		t.Error("taken after it was closed:", err)
	}
}

func TestCasesAreBounded(t *testing.T) {
	s := newCases()
	for _, text := range []string{"", strings.Repeat("a", maxText+1)} {
		if _, err := s.open("Ann", text); !errors.Is(err, errText) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	var first supportCase
	for i := range maxCases {
		c, err := s.open("Ann", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = c
		}
	}
	if _, err := s.open("Ann", "one more"); !errors.Is(err, errFull) {
		t.Error("more than fit:", err)
	}
	s.close(first.ID, "")
	if _, err := s.open("Ann", "one more"); err != nil {
		t.Error("a closed one keeps its place:", err)
	}
	if _, ok := s.find(first.ID); ok || len(s.list()) != maxCases {
		t.Error("the closed one is still there")
	}
}
