package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/audit"
	"github.com/countersign-id/countersign/internal/testpg"
	"github.com/countersign-id/countersign/store"
)

// overloaded fails the test unless the write was refused as a storage fault and is not there.
func (w *world) overloaded(when string, i *countersign.Identity) {
	w.Helper()
	s := w.session(i.ID)
	w.refused(w.apply(countersign.Change{Session: s}), countersign.ErrOverloaded, when)
	if _, _, err := w.db.FindSession(context.Background(), s.Hash); err == nil {
		w.Errorf("%s: what was refused is there", when)
	}
}

// healed fails the test unless writing works again without a new handle, and the record is whole.
func (w *world) healed(i *countersign.Identity) {
	w.Helper()
	var err error
	for range 30 { // each lane may learn only now that its connection is no good
		if err = w.apply(countersign.Change{Session: w.session(i.ID)}); err == nil {
			err = w.db.Checkpoint(w.Context())
		}
		if err == nil {
			break
		}
	}
	w.must(err)
	r, err := audit.Verify(w.Context(), w.db, w.db.ChainKey())
	if w.must(err); !r.Sound() {
		w.Errorf("the record: %+v", r.Flaws)
	}
}

func (w *world) raw() *sql.DB {
	w.Helper()
	driver, dsn := "pgx", w.url
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, dsn = "sqlite", path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, dsn)
	w.must(err)
	w.Cleanup(func() { db.Close() })
	return db
}

func TestALockedFileIsOverloadAndHeals(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	i := w.person("ada@example.com")
	lock, err := w.raw().Conn(t.Context())
	w.must(err)
	defer lock.Close()
	_, err = lock.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	w.must(err)
	w.overloaded("while another process writes", i)
	if _, err := w.db.Count(t.Context(), []countersign.Budget{{Key: "k", Max: 1, Per: time.Hour}}); !errors.Is(err, countersign.ErrOverloaded) {
		t.Errorf("a count: %v", err)
	}
	if _, _, err := w.db.FindSubject(t.Context(), "email", "ada@example.com"); err != nil {
		t.Errorf("reading was held up: %v", err)
	}
	_, err = lock.ExecContext(t.Context(), "ROLLBACK")
	w.must(err)
	w.healed(i)
}

func TestAFullDiskIsOverloadAndHeals(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	i := w.person("ada@example.com")
	w.must(store.LimitPages(w.db, true))
	var err error
	for range 500 {
		if err = w.apply(countersign.Change{Session: w.session(i.ID)}); err != nil {
			break
		}
	}
	w.refused(err, countersign.ErrOverloaded, "on a full disk")
	w.overloaded("on a full disk", i) // the limit is the connection's: the lane took a new one
	w.must(store.LimitPages(w.db, false))
	w.healed(i)
}

func TestAReadOnlyDatabaseIsOverloadAndHeals(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	i := w.person("ada@example.com")
	w.must(store.ReadOnly(w.db, true))
	w.overloaded("on a read-only database", i)
	w.must(store.ReadOnly(w.db, false))
	w.healed(i)
}

func TestAStoppedServerIsOverloadAndHeals(t *testing.T) {
	c := testpg.New(t, testpg.Options{})
	w := newWorld(t, c.URL(t))
	i := w.person("ada@example.com")
	s := w.session(i.ID)
	w.must(w.apply(countersign.Change{Session: s}))
	for name, stop := range map[string]func(testing.TB){"stopped": c.Stop, "crashed": c.Crash} {
		stop(t)
		w.overloaded(name, i)
		_, _, err := w.db.FindSession(t.Context(), s.Hash)
		w.refused(err, countersign.ErrOverloaded, "reading while "+name)
		w.refused(w.db.Ready(t.Context()), countersign.ErrOverloaded, "ready while "+name)
		c.Start(t)
		if _, _, err := w.db.FindSession(t.Context(), s.Hash); err != nil {
			t.Errorf("%s, then started: an acknowledged session: %v", name, err)
		}
		w.healed(i)
	}
}

func TestAReadOnlyServerIsOverload(t *testing.T) {
	w := newWorld(t, testpg.URL(t))
	i := w.person("ada@example.com")
	raw := w.raw()
	raw.SetMaxOpenConns(1)
	set := func(to string) {
		t.Helper()
		_, err := raw.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = `+to+`'; END $$`)
		w.must(err)
	}
	set("on")
	w.db = w.open()
	w.overloaded("on a standby", i)
	_, err := raw.ExecContext(t.Context(), `SET default_transaction_read_only = off`)
	w.must(err)
	set("off")
	w.healed(i)
}

func TestAWrongKeyIsToldAtOpen(t *testing.T) {
	everywhere(t, func(w *world) {
		other := []byte("another key, of thirty-two bytes")
		if _, err := store.Open(w.Context(), store.Options{URL: w.url, Keys: [][]byte{other}}); err == nil || !strings.Contains(err.Error(), "another key-encryption key") {
			t.Errorf("got %v", err)
		}
		db, err := store.Open(w.Context(), store.Options{URL: w.url, Keys: [][]byte{other, kek}})
		w.must(err) // while keys rotate
		w.must(db.Close())
		for name, o := range map[string]store.Options{"no key": {URL: w.url}, "a short key": {URL: w.url, Keys: [][]byte{kek[:16]}},
			"an unknown scheme": {URL: "mysql://user:hunter2@host", Keys: [][]byte{kek}}, "no URL": {Keys: [][]byte{kek}},
			"a broken URL": {URL: "postgres://user:hunter2@host:port", Keys: [][]byte{kek}}} {
			if _, err := store.Open(w.Context(), o); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestNothingPlantedIsReadableInTheDatabase(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, "sqlite:"+filepath.Join(dir, "test.db"))
	i := w.person("ada@example.com")
	planted := "PLANTED-SECRET"
	w.must(w.apply(countersign.Change{
		Credentials: []countersign.Credential{{ID: "crd_1", Identity: i.ID, Method: "totp", Data: []byte(planted)}},
		Attempt:     &countersign.Attempt{ID: "att_1", Identifier: planted, Enrolled: []countersign.Credential{{Data: []byte(planted)}}, Expires: start.Add(time.Hour)},
		Challenge:   &countersign.Challenge{Scope: "s", Method: "m", Keep: []byte(planted), Secrets: countersign.Secrets{Code: planted}, Show: []byte(planted), Tries: 1, Expires: start.Add(time.Hour)},
		Send:        []countersign.Message{{ID: "msg_1", Channel: "email", Data: map[string]string{"code": planted}}},
	}))
	_, _, err := w.db.ReserveReply(t.Context(), "key", []byte(planted), time.Hour)
	w.must(err)
	w.must(w.db.KeepReply(t.Context(), "key", []byte(planted)))
	look := func(when string) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		w.must(err)
		total := 0
		for _, f := range files {
			b, err := os.ReadFile(f)
			w.must(err)
			total += len(b)
			for _, form := range []string{planted, "UExBTlRFRC1TRUNSRV", string(kek)} { // as it is, in base64, the key
				if strings.Contains(string(b), form) {
					t.Errorf("%s: %q is in %s", when, form, filepath.Base(f))
				}
			}
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, %v", filepath.Base(f), info.Mode(), err)
			}
		}
		if total < 1000 {
			t.Fatal("there was nothing to look at")
		}
	}
	look("while open")
	w.must(w.db.Close())
	look("closed")
}

func TestWhatWasAcknowledgedIsThereAfterReopening(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s}))
		w.must(w.db.Close())
		w.must(w.db.Close())
		w.refused(w.apply(countersign.Change{Session: w.session(i.ID)}), countersign.ErrOverloaded, "a closed database")
		w.db = w.open()
		w.must(w.db.Ready(w.Context()))
		if n, err := w.db.Migrate(w.Context()); err != nil || n != 0 {
			t.Errorf("migrated %d steps again: %v", n, err)
		}
		_, _, err := w.db.FindSession(w.Context(), s.Hash)
		w.must(err)
		w.healed(i)
	})
}

func TestManyNodesMayMigrateAtOnce(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "test.db"), "postgres": testpg.URL(t)} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, url: url, clock: &clock{t: start}}
			done := make(chan error)
			var dbs []*store.DB
			for range 4 {
				dbs = append(dbs, w.open())
			}
			w.refused(dbs[0].Ready(t.Context()), countersign.ErrOverloaded, "ready before migrate")
			w.refused(dbs[0].FinishMessage(t.Context(), "x", false), countersign.ErrOverloaded, "a write before migrate")
			for _, db := range dbs {
				go func() { _, err := db.Migrate(context.Background()); done <- err }()
			}
			for range dbs {
				w.must(<-done)
			}
			w.db = dbs[0]
			i := w.person("ada@example.com")
			w.must(w.apply(countersign.Change{Credentials: []countersign.Credential{{ID: "crd_1", Identity: i.ID, Method: "m", Data: []byte("x")}}}))
			for n, db := range dbs { // all use the one key
				if _, creds, err := db.SubjectOf(t.Context(), i.ID); err != nil || string(creds[0].Data) != "x" {
					t.Errorf("node %d: %v", n, err)
				}
			}
		})
	}
}

func TestASignInCostsFewStatements(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		budgets := []countersign.Budget{{Key: "a", Max: 5, Pause: time.Minute}, {Key: "b", Max: 100, Per: time.Hour}, {Key: "c", Max: 100, Per: time.Hour}}
		before := w.db.Stats().Statements
		cost := func(what string, want uint64) {
			t.Helper()
			if n := w.db.Stats().Statements - before; n != want {
				t.Errorf("%s: %d statements, want %d", what, n, want)
			}
			before = w.db.Stats().Statements
		}
		_, _, err := w.db.FindSubject(w.Context(), "email", "ada@example.com")
		w.must(err)
		cost("find subject", 1)
		_, err = w.db.Count(w.Context(), budgets)
		w.must(err)
		cost("count", 1)
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Attempt: &countersign.Attempt{ID: "att_1", Expires: start.Add(time.Hour)}, Session: s, Clear: []string{"a", "x"},
			Events: []countersign.Event{w.event("proof.given"), w.event("session.opened")}}))
		cost("apply", 4)
		_, _, err = w.db.FindSession(w.Context(), s.Hash)
		w.must(err)
		cost("find session", 1)
	})
}

func TestOneFailureInABatchUndoesOnlyItself(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		taken := []countersign.Email{{Address: "ada@example.com", Verified: true}}
		before := w.db.Stats()
		w.race(func(db *store.DB, n int) (bool, error) {
			c := countersign.Change{Events: []countersign.Event{{ID: fmt.Sprint("evt_", n), At: start, Action: "batch"}},
				Identity: &countersign.Identity{ID: countersign.IdentityID(fmt.Sprint("idn_batch_", n)), Flags: []string{"batch"}}}
			if n%3 == 0 {
				c.Identity.Emails = taken // refused after the identity was inserted
			}
			err := db.Apply(context.Background(), &c)
			if n%3 == 0 {
				if !errors.Is(err, countersign.ErrTaken) {
					return false, fmt.Errorf("%d: %w", n, err)
				}
				return false, nil
			}
			return true, err
		})
		if s := w.db.Stats(); s.Ops-before.Ops <= s.Batches-before.Batches {
			t.Errorf("no batch had two: %+v", s)
		}
		for n := range 1000 {
			_, _, err := w.db.SubjectOf(w.Context(), countersign.IdentityID(fmt.Sprint("idn_batch_", n)))
			if there := err == nil; there == (n%3 == 0) {
				t.Errorf("identity %d: there is %v", n, there)
			}
		}
		events, err := w.db.ListEvents(w.Context(), countersign.EventFilter{Action: "batch"}, "", 1000)
		if w.must(err); len(events) != 666 {
			t.Errorf("%d events of 666", len(events))
		}
		w.healed(i)
	})
}

func TestACallerWhoHasLeftChangesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		s := w.session(i.ID)
		err := w.db.Apply(ctx, &countersign.Change{Session: s, Events: []countersign.Event{w.event("x")}})
		w.refused(err, context.Canceled, "a cancelled caller")
		_, _, err = w.db.FindSession(w.Context(), s.Hash)
		w.refused(err, countersign.ErrNotFound, "the session")
	})
}

func TestAPanicAndAnOverlookedErrorUndoTheirWrite(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		if err := store.Panics(w.db); err == nil || !strings.Contains(err.Error(), "as a test") {
			t.Errorf("got %v", err)
		}
		if err := store.Overlooks(w.db); err == nil {
			t.Error("a write went on after its statement had failed")
		}
		_, _, err := w.db.SubjectOf(w.Context(), i.ID)
		w.must(err)
		w.healed(i)
	})
}
