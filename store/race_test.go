package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/store"
)

// race runs the act 1,000 times at once on two handles and returns how often it won.
func (w *world) race(act func(db *store.DB, n int) (won bool, err error)) int {
	w.Helper()
	dbs := []*store.DB{w.db, w.open()}
	var won atomic.Int32
	var all sync.WaitGroup
	for n := range 1000 {
		all.Go(func() {
			ok, err := act(dbs[n%2], n)
			for errors.Is(err, countersign.ErrOverloaded) { // a busy machine: it was not looked at, so nothing was decided
				ok, err = act(dbs[n%2], n)
			}
			if err != nil {
				w.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	all.Wait()
	return int(won.Load())
}

func winner(err, loser error) (bool, error) {
	if errors.Is(err, loser) {
		return false, nil
	}
	return err == nil, err
}

func TestOfAThousandExactlyTheTriesAreTaken(t *testing.T) {
	everywhere(t, func(w *world) {
		w.must(w.apply(countersign.Change{Challenge: &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte("k"), Tries: 5, Expires: start.Add(time.Hour)}}))
		if won := w.race(func(db *store.DB, _ int) (bool, error) {
			_, err := db.TakeChallenge(context.Background(), "s", "m")
			return winner(err, countersign.ErrNotFound)
		}); won != 5 {
			t.Errorf("%d tries of 5", won)
		}
	})
}

func TestOfAThousandExactlyOneSpends(t *testing.T) {
	everywhere(t, func(w *world) {
		c := &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte("k"), Tries: 5, Expires: start.Add(time.Hour)}
		w.must(w.apply(countersign.Change{Challenge: c}))
		if won := w.race(func(db *store.DB, n int) (bool, error) {
			err := db.Apply(context.Background(), &countersign.Change{Spend: c, Events: []countersign.Event{{ID: "evt_race", At: start}}})
			return winner(err, countersign.ErrConflict)
		}); won != 1 {
			t.Errorf("%d spent it", won)
		}
	})
}

func TestOfAThousandExactlyOneMovesTheAttempt(t *testing.T) {
	everywhere(t, func(w *world) {
		a := countersign.Attempt{ID: "att_1", Expires: start.Add(time.Hour)}
		w.must(w.apply(countersign.Change{Attempt: &a}))
		a.Version = 1
		if won := w.race(func(db *store.DB, _ int) (bool, error) {
			mine := a
			err := db.Apply(context.Background(), &countersign.Change{Attempt: &mine, Events: []countersign.Event{{ID: "evt_race", At: start}}})
			return winner(err, countersign.ErrConflict)
		}); won != 1 {
			t.Errorf("%d completed it", won)
		}
		events, err := w.db.ListEvents(w.Context(), countersign.EventFilter{}, "", 0)
		if w.must(err); len(events) != 2 {
			t.Errorf("%d events", len(events))
		}
	})
}

func TestOfAThousandExactlyOneGetsTheName(t *testing.T) {
	everywhere(t, func(w *world) {
		if won := w.race(func(db *store.DB, n int) (bool, error) {
			i := &countersign.Identity{ID: countersign.IdentityID("idn_" + string(rune('a'+n%26)) + string(rune('0'+n/26))), Emails: []countersign.Email{{Address: "a@example.com", Verified: true}}}
			err := db.Apply(context.Background(), &countersign.Change{Identity: i, Events: []countersign.Event{{ID: "evt_race", At: start}}})
			return winner(err, countersign.ErrTaken)
		}); won != 1 {
			t.Errorf("%d got it", won)
		}
	})
}

func TestOfAThousandGuessesExactlyTheBudgetIsAllowed(t *testing.T) {
	everywhere(t, func(w *world) {
		budgets := []countersign.Budget{{Key: "identity", Max: 5, Pause: 15 * time.Minute}, {Key: "network", Max: 100, Per: time.Hour}}
		if won := w.race(func(db *store.DB, _ int) (bool, error) {
			wait, err := db.Count(context.Background(), budgets)
			return wait == 0, err
		}); won != 5 {
			t.Errorf("%d guesses of 5", won)
		}
		// What the refused took from the other budget was given back.
		rest := 0
		for {
			wait, err := w.db.Count(w.Context(), budgets[1:])
			if w.must(err); wait > 0 {
				break
			}
			rest++
		}
		if rest != 95 {
			t.Errorf("%d uses of the network left, want 95", rest)
		}
	})
}

func TestOfAThousandExactlyOneReservesAReply(t *testing.T) {
	everywhere(t, func(w *world) {
		if won := w.race(func(db *store.DB, _ int) (bool, error) {
			_, state, err := db.ReserveReply(context.Background(), "key", []byte("request"), time.Hour)
			return state == store.ReplyNew, err
		}); won != 1 {
			t.Errorf("%d reserved it", won)
		}
	})
}
