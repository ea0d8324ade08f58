package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

func eventsOf(id countersign.IdentityID) countersign.EventFilter {
	return countersign.EventFilter{Subject: id}
}

func TestASessionIsFoundWhileItLives(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		got, who, err := w.db.FindSession(w.Context(), s.Hash)
		w.must(err)
		if d := cmp.Diff(*s, got) + cmp.Diff(*i, who); d != "" {
			t.Error(d)
		}
		_, _, err = w.db.FindSession(w.Context(), [32]byte{9})
		w.refused(err, countersign.ErrNotFound, "another hash")
		w.forward(7 * 24 * time.Hour)
		_, _, err = w.db.FindSession(w.Context(), s.Hash)
		w.refused(err, countersign.ErrNotFound, "an idle session")
		left, err := w.db.ListSessions(w.Context(), i.ID, "", 10)
		if w.must(err); len(left) != 0 {
			t.Error("an idle session is listed")
		}
	})
}

func TestADisabledIdentityHasNoSession(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		i.State = countersign.Disabled
		w.must(w.apply(countersign.Change{Identity: i}))
		_, _, err := w.db.FindSession(w.Context(), s.Hash)
		w.refused(err, countersign.ErrNotFound, "its session")
	})
}

func TestEndingSessionsEndsExactlyThose(t *testing.T) {
	everywhere(t, func(w *world) {
		a, b := w.person("a@example.com"), w.person("b@example.com")
		var s []*countersign.Session
		for range 4 {
			s = append(s, w.session(a.ID))
		}
		s = append(s, w.session(b.ID))
		for _, one := range s {
			w.must(w.apply(countersign.Change{Session: one}))
		}
		left := func(id countersign.IdentityID) (n int) {
			all, err := w.db.ListSessions(w.Context(), id, "", 0)
			w.must(err)
			return len(all)
		}
		w.must(w.apply(countersign.Change{End: []countersign.End{{Identity: b.ID, Session: s[0].ID}}}))
		if left(a.ID) != 4 || left(b.ID) != 1 {
			t.Error("another identity's session was ended")
		}
		w.must(w.apply(countersign.Change{End: []countersign.End{{Identity: a.ID, Session: s[0].ID}}}))
		if left(a.ID) != 3 {
			t.Error("one session was not ended")
		}
		w.must(w.apply(countersign.Change{End: []countersign.End{{Identity: a.ID, Except: s[1].ID}}}))
		if _, _, err := w.db.FindSession(w.Context(), s[1].Hash); err != nil || left(a.ID) != 1 {
			t.Error("not all others were ended")
		}
		next := w.session(a.ID)
		w.must(w.apply(countersign.Change{End: []countersign.End{{Identity: a.ID}}, Session: next}))
		if _, _, err := w.db.FindSession(w.Context(), next.Hash); err != nil || left(a.ID) != 1 || left(b.ID) != 1 {
			t.Error("the new session was ended with the old, or too much was")
		}
		feed, err := w.db.Changes(w.Context(), start)
		if w.must(err); len(feed) != 4 || feed[1].Session != s[0].ID || feed[3].Identity != a.ID || feed[3].Session != "" {
			t.Errorf("feed: %+v", feed)
		}
		seen := map[string]bool{}
		for _, n := range feed {
			seen[n.Chain+string(rune(n.N))] = true
		}
		if later, err := w.db.Changes(w.Context(), start.Add(time.Microsecond)); err != nil || len(later) != 0 || len(seen) != 4 {
			t.Errorf("later: %v, %v; %d names", later, err, len(seen))
		}
	})
}

func TestSessionsArePagedById(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		for range 5 {
			w.must(w.apply(countersign.Change{Session: w.session(i.ID)}))
		}
		var ids []countersign.SessionID
		for after := countersign.SessionID(""); ; {
			part, err := w.db.ListSessions(w.Context(), i.ID, after, 2)
			w.must(err)
			if len(part) == 0 {
				break
			}
			for _, s := range part {
				ids, after = append(ids, s.ID), s.ID
			}
		}
		if len(ids) != 5 {
			t.Errorf("got %v", ids)
		}
	})
}

func TestTouchingNeverGoesBackNorRevives(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s, gone := w.session(i.ID), w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		early, late := *s, *s
		late.LastSeenAt, late.IdleExpiresAt = start.Add(time.Hour), start.Add(8*24*time.Hour)
		early.LastSeenAt, early.IdleExpiresAt = start.Add(time.Minute), start
		before := w.db.Stats().Ops
		w.must(w.db.TouchSessions(w.Context(), []countersign.Session{late, *gone}))
		w.must(w.db.TouchSessions(w.Context(), []countersign.Session{early}))
		got, _, err := w.db.FindSession(w.Context(), s.Hash)
		if w.must(err); !got.LastSeenAt.Equal(late.LastSeenAt) || !got.IdleExpiresAt.Equal(late.IdleExpiresAt) {
			t.Errorf("seen %v, idle until %v", got.LastSeenAt, got.IdleExpiresAt)
		}
		if _, _, err := w.db.FindSession(w.Context(), gone.Hash); err == nil {
			t.Error("an ended session came back")
		}
		if n := w.db.Stats().Ops - before; n != 2 {
			t.Errorf("%d transactions", n)
		}
	})
}
