package store_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/audit"
	"github.com/countersign-id/countersign/internal/testpg"
	"github.com/countersign-id/countersign/store"
)

// oneLane runs the test on both databases with a handle that has one lane.
func oneLane(t *testing.T, test func(w *world)) {
	for name, url := range map[string]string{"sqlite": "sqlite:" + t.TempDir() + "/test.db", "postgres": testpg.URL(t)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, url)
			db, err := store.Open(t.Context(), store.Options{URL: url, Keys: [][]byte{kek}, Node: "lane", Now: w.Now, Lanes: 1})
			w.must(err)
			t.Cleanup(func() { db.Close() })
			w.db = db
			test(w)
		})
	}
}

// together brings the writes at once, in their order, and returns what became of
// each and how many transactions that took.
func (w *world) together(writes ...func() error) (errs []error, batches uint64) {
	w.Helper()
	release, before := store.Hold(w.db), w.db.Stats().Batches
	errs = make([]error, len(writes))
	var all sync.WaitGroup
	for k, write := range writes {
		all.Go(func() { errs[k] = write() })
		for w.db.Stats().Queue <= k {
			runtime.Gosched()
		}
	}
	release()
	all.Wait()
	return errs, w.db.Stats().Batches - before
}

// opening is a write that opens a session of the identity, which must be as it is given.
func (w *world) opening(i countersign.Identity) func() error {
	c := countersign.Change{Session: w.session(i.ID), Still: &i, Events: []countersign.Event{w.event("session.opened")}}
	c.Events[0].Subject = i.ID
	return func() error { return w.db.Apply(context.Background(), &c) }
}

// opened fails the test unless the identity has that many sessions, each with its event, in a sound record.
func (w *world) opened(id countersign.IdentityID, want int) {
	w.Helper()
	sessions, err := w.db.ListSessions(w.Context(), id, "", 1000)
	w.must(err)
	events, err := w.db.ListEvents(w.Context(), countersign.EventFilter{Subject: id, Action: "session.opened"}, "", 1000)
	if w.must(err); len(sessions) != want || len(events) != want {
		w.Errorf("%d sessions and %d events, want %d of each", len(sessions), len(events), want)
	}
	w.must(w.db.Checkpoint(w.Context()))
	report, err := audit.Verify(w.Context(), w.db, w.db.ChainKey())
	if w.must(err); !report.Sound() {
		w.Errorf("the record: %+v", report.Flaws)
	}
}

func TestWritesThatShareACommitNeedNoSavepoints(t *testing.T) {
	oneLane(t, func(w *world) {
		i := w.person("ada@example.com")
		var writes []func() error
		for range 12 {
			writes = append(writes, w.opening(*i))
		}
		errs, batches := w.together(writes...)
		for _, err := range errs {
			w.must(err)
		}
		if w.opened(i.ID, 12); batches != 0 { // that of Hold has them all
			t.Errorf("%d more transactions", batches)
		}
		if texts := store.Texts(w.db); slices.Contains(texts, "SAVEPOINT one") {
			t.Error("there was a savepoint")
		}
	})
}

// Whatever fails in whatever way: the writes before and after it are there, and
// the chain has no gap.
func TestAWriteThatFailsLeavesTheOthersOfItsCommitAlone(t *testing.T) {
	oneLane(t, func(w *world) {
		i := w.person("ada@example.com")
		stale := *i
		stale.Version = 7
		taken := func() error {
			c := countersign.Change{Identity: &countersign.Identity{ID: "idn_other", Emails: []countersign.Email{{Address: "ada@example.com", Verified: true}}},
				Events: []countersign.Event{{ID: "evt_other", At: start}}}
			return w.db.Apply(context.Background(), &c)
		}
		twice := func() error { // which shows when the chain has grown by it
			return w.db.Apply(context.Background(), &countersign.Change{Events: []countersign.Event{{ID: "evt_twice", At: start}}})
		}
		w.must(twice())
		for name, bad := range map[string]struct {
			write func() error
			says  string
		}{
			"a conflict": {w.opening(stale), countersign.ErrConflict.Error()}, "a name that is taken": {taken, countersign.ErrTaken.Error()},
			"an event that is there":             {twice, countersign.ErrConflict.Error()},
			"a panic":                            {func() error { return store.Panics(w.db) }, "panic"},
			"a statement's failure, passed over": {func() error { return store.Overlooks(w.db) }, ""},
		} {
			for _, at := range []int{0, 4, 9} {
				had, err := w.db.ListSessions(w.Context(), i.ID, "", 1000)
				w.must(err)
				var writes []func() error
				for range 9 {
					writes = append(writes, w.opening(*i))
				}
				errs, _ := w.together(slices.Insert(writes, at, bad.write)...)
				for k, err := range errs {
					if k == at && (err == nil || !strings.Contains(err.Error(), bad.says)) {
						t.Errorf("%s: %v", name, err)
					} else if k != at && err != nil {
						t.Errorf("%s at %d: write %d: %v", name, at, k, err)
					}
				}
				w.opened(i.ID, len(had)+9)
			}
		}
		if _, _, err := w.db.SubjectOf(w.Context(), "idn_other"); err == nil {
			t.Error("the refused identity is there")
		}
	})
}

// Who brings conflicts on purpose does not make every transaction run twice.
func TestAfterAFailureWritesAreKeptApartForAWhile(t *testing.T) {
	oneLane(t, func(w *world) {
		i := w.person("ada@example.com")
		stale := *i
		stale.Version = 7
		var took []uint64
		for range 3 {
			errs, batches := w.together(w.opening(*i), w.opening(stale), w.opening(*i))
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Fatal(errs)
			}
			took = append(took, batches)
		}
		w.opened(i.ID, 6)
		if d := cmp.Diff([]uint64{1, 0, 0}, took); d != "" { // beside that of Hold, once more
			t.Error(d)
		}
		for range 20 {
			w.must(w.apply(countersign.Change{Challenge: &countersign.Challenge{Scope: "s", Method: "m", Tries: 1, Expires: start.Add(time.Hour)}}))
		}
		if errs, batches := w.together(w.opening(stale), w.opening(*i)); batches != 1 || errs[1] != nil {
			t.Errorf("%d more transactions after a while, %v", batches, errs)
		}
	})
}

// A write that asks for the same thing as one before it in the same commit sees it.
func TestWritesOfOneCommitSeeEachOther(t *testing.T) {
	oneLane(t, func(w *world) {
		c := &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte("k"), Tries: 3, Expires: start.Add(time.Hour)}
		w.must(w.apply(countersign.Change{Challenge: c}))
		var writes []func() error
		for n := range 8 {
			change := countersign.Change{Spend: c, Events: []countersign.Event{{ID: fmt.Sprintf("evt_spend%d", n), At: start}}}
			writes = append(writes, func() error { return w.db.Apply(context.Background(), &change) })
		}
		errs, _ := w.together(writes...)
		if won := len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err != nil })); won != 1 || errs[0] != nil {
			t.Errorf("%d spent it: %v", won, errs)
		}
		w.opened("nobody", 0)
	})
}
