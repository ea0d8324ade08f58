package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

func TestAChallengeIsTakenAsItWasKept(t *testing.T) {
	everywhere(t, func(w *world) {
		c := countersign.Challenge{Scope: "att_1", Method: "email_code", Subject: countersign.Subject{Identity: "idn_1", Address: "ada@example.com"},
			Keep: []byte("kept"), Lookup: []byte("sha-256 of a token"), Tries: 2, Expires: start.Add(time.Hour)}
		stored := c
		stored.Secrets = countersign.Secrets{Code: "12345678"}
		w.must(w.apply(countersign.Change{Challenge: &stored}))
		found, err := w.db.FindChallenge(w.Context(), c.Lookup)
		w.must(err)
		if d := cmp.Diff(c, found); d != "" {
			t.Error(d)
		}
		c.Tries = 1
		got, err := w.db.TakeChallenge(w.Context(), c.Scope, c.Method)
		w.must(err)
		if d := cmp.Diff(c, got); d != "" {
			t.Error(d)
		}
		_, err = w.db.TakeChallenge(w.Context(), c.Scope, c.Method)
		w.must(err)
		_, err = w.db.TakeChallenge(w.Context(), c.Scope, c.Method)
		w.refused(err, countersign.ErrNotFound, "a third try of two")
		_, err = w.db.FindChallenge(w.Context(), c.Lookup)
		w.refused(err, countersign.ErrNotFound, "its link, without tries")
		_, err = w.db.FindChallenge(w.Context(), nil)
		w.refused(err, countersign.ErrNotFound, "an empty link")
		_, err = w.db.TakeChallenge(w.Context(), "att_2", c.Method)
		w.refused(err, countersign.ErrNotFound, "another attempt's")
	})
}

func TestOnlyTheCurrentUnspentUnexpiredChallengeIsSpent(t *testing.T) {
	everywhere(t, func(w *world) {
		fresh := func(keep string) *countersign.Challenge {
			c := &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte(keep), Lookup: []byte("link " + keep), Tries: 3, Expires: w.Now().Add(time.Hour)}
			w.must(w.apply(countersign.Change{Challenge: c}))
			return c
		}
		old := fresh("one")
		c := fresh("two")
		_, err := w.db.FindChallenge(w.Context(), old.Lookup)
		w.refused(err, countersign.ErrNotFound, "the link of the replaced one")
		w.refused(w.apply(countersign.Change{Spend: old}), countersign.ErrConflict, "the replaced one")
		empty := *c
		empty.Keep = nil
		w.refused(w.apply(countersign.Change{Spend: &empty}), countersign.ErrConflict, "an empty keep")
		w.must(w.apply(countersign.Change{Spend: c}))
		w.refused(w.apply(countersign.Change{Spend: c}), countersign.ErrConflict, "a spent one")
		_, err = w.db.TakeChallenge(w.Context(), "s", "m")
		w.refused(err, countersign.ErrNotFound, "taking a spent one")
		_, err = w.db.FindChallenge(w.Context(), c.Lookup)
		w.refused(err, countersign.ErrNotFound, "the link of a spent one")
		c = fresh("three")
		w.forward(time.Hour)
		w.refused(w.apply(countersign.Change{Spend: c}), countersign.ErrConflict, "an expired one")
		_, err = w.db.TakeChallenge(w.Context(), "s", "m")
		w.refused(err, countersign.ErrNotFound, "taking an expired one")
		_, err = w.db.FindChallenge(w.Context(), c.Lookup)
		w.refused(err, countersign.ErrNotFound, "the link of an expired one")
	})
}
