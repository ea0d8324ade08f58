package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

func TestASessionOpensOnlyForWhatWasProved(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		still := *i
		w.must(w.apply(countersign.Change{Still: &still, Session: w.session(i.ID)}))
		cred := countersign.Credential{ID: "crd_1", Identity: i.ID, Method: "password", Data: []byte("new")}
		w.must(w.apply(countersign.Change{Identity: i, Credentials: []countersign.Credential{cred}, End: []countersign.End{{Identity: i.ID}}}))
		old := cred
		old.Data = []byte("old")
		w.refused(w.apply(countersign.Change{Still: &still, Session: w.session(i.ID)}), countersign.ErrConflict, "a session on an old version")
		w.refused(w.apply(countersign.Change{Still: &still, Credentials: []countersign.Credential{old}}), countersign.ErrConflict, "a renewed hash on an old version")
		w.refused(w.apply(countersign.Change{Still: &still, Session: w.session(i.ID), Credentials: []countersign.Credential{old}}), countersign.ErrConflict, "both")
		w.refused(w.apply(countersign.Change{Still: &countersign.Identity{}, Session: w.session(i.ID)}), countersign.ErrConflict, "a session of nobody")
		other := w.person("eve@example.com")
		w.refused(w.apply(countersign.Change{Still: other, Session: w.session(i.ID)}), countersign.ErrConflict, "a session of somebody else")
		_, have, err := w.db.SubjectOf(w.Context(), i.ID)
		w.must(err)
		left, err := w.db.ListSessions(w.Context(), i.ID, "", 0)
		if w.must(err); len(have) != 1 || string(have[0].Data) != "new" || len(left) != 0 {
			t.Errorf("%d credentials, %d sessions", len(have), len(left))
		}
		i.State = countersign.Disabled
		w.must(w.apply(countersign.Change{Identity: i}))
		w.refused(w.apply(countersign.Change{Still: i, Session: w.session(i.ID)}), countersign.ErrConflict, "a session of a disabled identity")
	})
}

func TestASessionThatMustBeThereIsEndedOnce(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		end := []countersign.End{{Identity: i.ID, Session: s.ID, Live: true}}
		w.must(w.apply(countersign.Change{Still: i, End: end, Session: w.session(i.ID)}))
		w.refused(w.apply(countersign.Change{Still: i, End: end, Session: w.session(i.ID)}), countersign.ErrConflict, "raising it again")
		w.must(w.apply(countersign.Change{End: []countersign.End{{Identity: i.ID, Session: s.ID}}}))
	})
}

// Whatever the order, a session that was proved with the old password does not
// outlive the change of the password, nor one that is raised a sign-out everywhere.
func TestNoSessionSlipsPastAnEndBesideIt(t *testing.T) {
	everywhere(t, func(w *world) {
		for n := range 40 {
			i := w.person("ada" + string(rune('a'+n)) + "@example.com")
			s := w.session(i.ID)
			w.must(w.apply(countersign.Change{Session: s}))
			raise := countersign.Change{Still: &countersign.Identity{ID: i.ID, Version: i.Version}, Session: w.session(i.ID)}
			end := countersign.Change{End: []countersign.End{{Identity: i.ID}}}
			if n%2 == 0 {
				end.Identity = i // the password is changed: whoever signs in with the old one
			} else {
				raise.End = []countersign.End{{Identity: i.ID, Session: s.ID, Live: true}} // the session steps up
			}
			var both sync.WaitGroup
			go1 := func(c countersign.Change) {
				c.Events = []countersign.Event{w.event("test")}
				both.Go(func() { w.db.Apply(w.Context(), &c) }) //nolint:errcheck // either may be refused
			}
			go1(raise)
			go1(end)
			both.Wait()
			left, err := w.db.ListSessions(w.Context(), i.ID, "", 0)
			if w.must(err); len(left) != 0 {
				w.Fatalf("round %d: %d sessions are left", n, len(left))
			}
		}
	})
}

func TestTheLastOfARoleCannotGo(t *testing.T) {
	everywhere(t, func(w *world) {
		for n := range 20 {
			role := "admin" + string(rune('a'+n))
			var both [2]*countersign.Identity
			for k := range both {
				both[k] = w.person(string(rune('a'+n)) + string(rune('x'+k)) + "@example.com")
				both[k].Roles = []string{role}
				w.must(w.apply(countersign.Change{Identity: both[k]}))
			}
			var all sync.WaitGroup
			var errs [2]error
			for k := range both {
				c := countersign.Change{Identity: both[k], Holder: role, Events: []countersign.Event{w.event("test")}}
				switch (n + k) % 3 {
				case 0:
					both[k].Roles = nil
				case 1:
					both[k].State = countersign.Disabled
				default:
					c.Identity, c.Remove = nil, both[k].ID
				}
				all.Go(func() { errs[k] = w.db.Apply(w.Context(), &c) })
			}
			all.Wait()
			left, err := w.db.ListIdentities(w.Context(), countersign.IdentityFilter{Role: role, State: countersign.Active}, "", 0)
			if w.must(err); len(left) != 1 || errors.Is(errs[0], countersign.ErrConflict) == errors.Is(errs[1], countersign.ErrConflict) {
				w.Fatalf("round %d: %d have the role: %v, %v", n, len(left), errs[0], errs[1])
			}
		}
	})
}

func TestWhoIsRefusedByOneBudgetLeavesNoRowsOfOthers(t *testing.T) {
	everywhere(t, func(w *world) {
		network := countersign.Budget{Key: "guess:net", Max: 1, Per: time.Hour}
		for n := range 20 {
			name := countersign.Budget{Key: "guess:name" + string(rune('a'+n)), Max: 5, Pause: time.Minute}
			if _, err := w.db.Count(w.Context(), []countersign.Budget{name, network}); err != nil {
				w.Fatal(err)
			}
		}
		w.forward(8 * 24 * time.Hour)
		n, err := w.db.Sweep(w.Context(), 1000)
		if w.must(err); n != 2 {
			w.Errorf("%d rows of budgets were kept, want that of the network and of the one name that was tried", n)
		}
	})
}
