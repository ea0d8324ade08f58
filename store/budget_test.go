package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

// count uses the budgets n times and returns how often they had room, and the last wait.
func (w *world) count(n int, b ...countersign.Budget) (ok int, wait time.Duration) {
	w.Helper()
	for range n {
		var err error
		wait, err = w.db.Count(w.Context(), b)
		if w.must(err); wait == 0 {
			ok++
		}
	}
	return ok, wait
}

func (w *world) want(what string, ok, wantOK int, wait, wantWait time.Duration) {
	w.Helper()
	if ok != wantOK || wait != wantWait {
		w.Errorf("%s: %d allowed, wait %v; want %d, %v", what, ok, wait, wantOK, wantWait)
	}
}

func TestARateStartsAnewWithItsWindow(t *testing.T) {
	everywhere(t, func(w *world) {
		b := countersign.Budget{Key: "r", Max: 3, Per: time.Hour}
		ok, wait := w.count(5, b)
		w.want("the first window", ok, 3, wait, time.Hour)
		w.forward(59 * time.Minute)
		ok, wait = w.count(5, b)
		w.want("its end", ok, 0, wait, time.Minute)
		w.forward(time.Minute)
		ok, wait = w.count(5, b)
		w.want("the next window", ok, 3, wait, time.Hour)
	})
}

func TestPausesOfGuessesDoubleAndAreForgotten(t *testing.T) {
	everywhere(t, func(w *world) {
		b := countersign.Budget{Key: "g", Max: 5, Pause: 15 * time.Minute}
		ok, _ := w.count(4, b)
		w.forward(24 * time.Hour) // guesses in a row do not fade while they are few
		more, wait := w.count(3, b)
		w.want("the first round", ok+more, 5, wait, 15*time.Minute)
		w.forward(15*time.Minute - time.Microsecond)
		ok, wait = w.count(1, b)
		w.want("just before its end", ok, 0, wait, time.Microsecond)
		w.forward(time.Microsecond)
		ok, wait = w.count(6, b)
		w.want("the second round", ok, 5, wait, 30*time.Minute)
		w.count(50, b)
		w.forward(29 * time.Minute)
		_, wait = w.count(1, b)
		w.want("hammering does not prolong it", 0, 0, wait, time.Minute)
		for round := range 40 {
			w.forward(24 * time.Hour)
			ok, wait = w.count(6, b)
			w.want(fmt.Sprint("round ", round), ok, 5, wait, min(24*time.Hour, time.Hour<<min(round, 10)))
		}
		w.forward(8 * 24 * time.Hour)
		ok, wait = w.count(6, b)
		w.want("after a quiet week", ok, 5, wait, 15*time.Minute)
	})
}

func TestASuccessGivesGuessesBack(t *testing.T) {
	everywhere(t, func(w *world) {
		a, b := countersign.Budget{Key: "a", Max: 2, Pause: time.Minute}, countersign.Budget{Key: "b", Max: 1, Pause: time.Minute}
		w.count(3, a)
		ok, wait := w.count(2, b)
		w.want("a budget of one", ok, 1, wait, time.Minute)
		w.must(w.apply(countersign.Change{Clear: []string{"b", "a", "a"}}))
		ok, wait = w.count(3, a)
		w.want("after the success", ok, 2, wait, time.Minute)
	})
}

func TestARefusedUseTakesNothingFromTheOthers(t *testing.T) {
	everywhere(t, func(w *world) {
		full := countersign.Budget{Key: "z", Max: 1, Pause: time.Hour}
		w.count(1, full)
		for name, b := range map[string]countersign.Budget{"a guess": {Key: "a", Max: 2, Pause: time.Minute}, "the last guess": {Key: "b", Max: 1, Pause: time.Minute}, "a rate": {Key: "c", Max: 2, Per: time.Hour}} {
			ok, wait := w.count(5, b, full)
			w.want(name+" beside a full budget", ok, 0, wait, time.Hour)
			if ok, _ = w.count(b.Max+3, b); ok != b.Max {
				t.Errorf("%s: %d of %d were left", name, ok, b.Max)
			}
		}
	})
}

func TestALoweredBudgetHolds(t *testing.T) {
	everywhere(t, func(w *world) {
		w.count(8, countersign.Budget{Key: "a", Max: 10, Pause: time.Hour})
		ok, wait := w.count(4, countersign.Budget{Key: "a", Max: 3, Pause: time.Hour})
		w.want("lowered below what is used", ok, 1, wait, time.Hour)
		w.count(8, countersign.Budget{Key: "r", Max: 10, Per: time.Hour})
		ok, wait = w.count(4, countersign.Budget{Key: "r", Max: 3, Per: time.Hour})
		w.want("a lowered rate", ok, 0, wait, time.Hour)
	})
}
