package store_test

import (
	"sync"
	"testing"

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
			go1 := func(c countersign.Change) { both.Go(func() { w.apply(c) }) } //nolint:errcheck // either may be refused
			go1(raise)
			go1(end)
			both.Wait()
			left, err := w.db.ListSessions(w.Context(), i.ID, "", 0)
			if w.must(err); len(left) != 0 {
				t.Fatalf("round %d: %d sessions are left", n, len(left))
			}
		}
	})
}
