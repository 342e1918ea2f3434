package main

import "testing"

func TestThirds(t *testing.T) {
	c := course{1, 9, 2, 50, 40, 60, 70, 5, 80}
	if first, middle, last := c.thirds(); first != 2 || middle != 50 || last != 70 {
		t.Errorf("%d, %d, %d", first, middle, last)
	}
	for _, c := range []course{nil, {7}, {7, 8}} {
		c.thirds()
		if err := c.flat(1.1); err != nil {
			t.Errorf("%d looks: %v", len(c), err)
		}
	}
}

func TestFlat(t *testing.T) {
	for _, test := range []struct {
		name string
		course
		flat bool
	}{
		{"it fills, and stands", course{1, 2, 3, 100, 100, 100, 100, 100, 100}, true},
		{"a tenth more", course{1, 1, 1, 100, 100, 100, 110, 110, 110}, true},
		{"more than a tenth", course{1, 1, 1, 100, 100, 100, 111, 111, 111}, false},
		{"saw teeth", course{1, 1, 1, 100, 150, 200, 200, 100, 150}, true},
		{"less", course{9, 9, 9, 100, 100, 100, 10, 10, 10}, true},
		{"a leak", course{10, 20, 30, 40, 50, 60, 70, 80, 90}, false},
	} {
		if err := test.course.flat(1.1); (err == nil) != test.flat {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
