package main

import (
	"strings"
	"testing"
	"time"
)

func TestTellsHowWellOneTimingSeparates(t *testing.T) {
	low, high := []time.Duration{1, 2, 3}, []time.Duration{10, 11, 12}
	if p := tells(low, high); p != 1 {
		t.Errorf("two lists apart: %v", p)
	}
	if p := tells(high, low); p != 1 {
		t.Errorf("the other way round: %v", p)
	}
	if p := tells(low, low); p != 0.5 {
		t.Errorf("a list and itself: %v", p)
	}
	if p := tells(nil, low); p != 0.5 {
		t.Errorf("nothing: %v", p)
	}
}

func TestARowSaysWhatIsOverTheLimit(t *testing.T) {
	ms := func(v ...int) (out []time.Duration) {
		for _, n := range v {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	if r := row("x", ms(1, 2, 3), ms(1, 2, 3)); strings.Contains(r, "OVER") {
		t.Error(r)
	}
	if r := row("x", ms(4, 5, 6), ms(1, 2, 3)); !strings.Contains(r, "OVER") || !strings.Contains(r, "3ms") {
		t.Error(r)
	}
}

func TestNamesAreAlikeOnBothSides(t *testing.T) {
	for _, w := range ways() {
		if len(w.named(known, 7)) != len(w.named(unknown, 7)) || w.named(known, 7) == w.named(unknown, 7) {
			t.Errorf("%s: %q and %q", w.name, w.named(known, 7), w.named(unknown, 7))
		}
	}
}
