package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/audit"
	"github.com/countersign-id/countersign/internal/testpg"
	"github.com/countersign-id/countersign/store"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// record writes ten events in a chain of an earlier run, and seven and a checkpoint
// in one of this run; it returns the names of both chains.
func record(t *testing.T, url string) (db *store.DB, old, now string) {
	t.Helper()
	at := start
	open := func() *store.DB {
		db, err := store.Open(t.Context(), store.Options{URL: url, Keys: [][]byte{make([]byte, 32)}, Node: "n", Lanes: 1, Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return db
	}
	write := func(db *store.DB, run, n int) {
		for k := range n {
			e := countersign.Event{ID: fmt.Sprintf("evt_%d_%02d", run, k), At: at, Action: "session.opened", Outcome: "ok", Subject: "idn_1", Actor: "idn_1", Reason: "r"}
			if err := db.Apply(t.Context(), &countersign.Change{Events: []countersign.Event{e}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	db = open()
	write(db, 1, 10)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	t.Cleanup(func() { db.Close() })
	write(db, 2, 7)
	at = at.Add(2 * time.Minute)
	for range 2 { // the second writes the head of the checkpoint's own chain
		if err := db.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var chains []string
	err := db.EachChain(t.Context(), func(chain string, _ int64, _ []byte, _ bool) error { chains = append(chains, chain); return nil })
	if err != nil || len(chains) != 2 {
		t.Fatalf("%v, %v", chains, err)
	}
	return db, chains[0], chains[1]
}

func verify(t *testing.T, db *store.DB) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), db, db.ChainKey())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The attempts of someone who can write to the database, but has no key. OLD and
// NOW stand for the chains; want is in the flaw, at names its record.
var tamperings = []struct {
	name, sql, want string
	at              int64
}{
	{"removing the first", `DELETE FROM events WHERE chain = OLD AND n = 1`, "removed: 1 missing", 1},
	{"removing one", `DELETE FROM events WHERE chain = OLD AND n = 5`, "removed: 1 missing", 5},
	{"removing three", `DELETE FROM events WHERE chain = OLD AND n IN (4, 5, 6)`, "removed: 3 missing", 4},
	{"removing the last", `DELETE FROM events WHERE chain = OLD AND n = 10`, "removed at the end", 10},
	{"removing the last and the head's row", `DELETE FROM events WHERE chain = OLD AND n = 10; DELETE FROM chains WHERE chain = OLD`, "head is missing", 9},
	{"removing the last, the head set back", `DELETE FROM events WHERE chain = OLD AND n = 10; UPDATE chains SET n = 9, hash = (SELECT hash FROM events WHERE chain = OLD AND n = 9) WHERE chain = OLD`, "head was altered", 9},
	{"removing a chain", `DELETE FROM events WHERE chain = OLD; DELETE FROM chains WHERE chain = OLD`, "the whole chain was removed", 10},
	{"removing a chain's records", `DELETE FROM events WHERE chain = OLD`, "removed at the end", 1},
	{"removing a checkpoint", `DELETE FROM events WHERE chain = NOW AND n = 8`, "removed at the end", 8},
	{"altering n", `UPDATE events SET n = 11 WHERE chain = OLD AND n = 10`, "removed: 1 missing", 10},
	{"altering the chain", `UPDATE events SET chain = NOW, n = 9 WHERE chain = OLD AND n = 10`, "does not fit", 9},
	{"altering id", `UPDATE events SET id = 'evt_x' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering at", `UPDATE events SET at = at + 1 WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering action", `UPDATE events SET action = 'x' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering outcome", `UPDATE events SET outcome = 'refused' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering subject", `UPDATE events SET subject = 'idn_2' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering actor", `UPDATE events SET actor = '' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering the document", `UPDATE events SET document = '{"reason":"x"}' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering its spaces", `UPDATE events SET document = '{"reason": "r"}' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"adding to it", `UPDATE events SET document = '{"reason":"r","id":"x"}' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"breaking it", `UPDATE events SET document = '{' WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering the hash", `UPDATE events SET hash = (SELECT hash FROM events WHERE chain = OLD AND n = 1) WHERE chain = OLD AND n = 5`, "does not fit", 5},
	{"altering the last hash", `UPDATE events SET hash = (SELECT hash FROM events WHERE chain = OLD AND n = 1) WHERE chain = OLD AND n = 10`, "does not fit", 10},
	{"swapping two", `UPDATE events SET n = 100 WHERE chain = OLD AND n = 5; UPDATE events SET n = 5 WHERE chain = OLD AND n = 6; UPDATE events SET n = 6 WHERE chain = OLD AND n = 100`, "does not fit", 5},
	{"adding at the end", `INSERT INTO events SELECT chain, 11, 'evt_x', at, action, outcome, subject, actor, document, hash FROM events WHERE chain = OLD AND n = 10`, "does not fit", 11},
	{"adding before the first", `INSERT INTO events SELECT chain, 0, 'evt_x', at, action, outcome, subject, actor, document, hash FROM events WHERE chain = OLD AND n = 10`, "added", 0},
	{"adding a chain", `INSERT INTO events SELECT 'chn_x', 1, 'evt_x', at, action, outcome, subject, actor, document, hash FROM events WHERE chain = OLD AND n = 1`, "does not fit", 1},
	{"altering a head's node", `UPDATE chains SET node = 'x' WHERE chain = OLD`, "head was altered", 10},
	{"altering a head's time", `UPDATE chains SET at = at + 1 WHERE chain = OLD`, "head was altered", 10},
}

func TestTamperingIsFoundAndNamed(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
		"postgres": func(t *testing.T) string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			u := url(t)
			db, old, now := record(t, u)
			if r := verify(t, db); !r.Sound() || r.Chains != 2 || r.Records != 18 {
				t.Fatalf("untouched: %+v", r)
			}
			driver, dsn := "pgx", u
			if path, ok := strings.CutPrefix(u, "sqlite:"); ok {
				driver, dsn = "sqlite", path+"?_pragma=busy_timeout(5000)"
			}
			raw, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			kept := []string{`CREATE TABLE kept_events AS SELECT * FROM events`, `CREATE TABLE kept_chains AS SELECT * FROM chains`}
			again := []string{`DELETE FROM events`, `DELETE FROM chains`, `INSERT INTO events SELECT * FROM kept_events`, `INSERT INTO chains SELECT * FROM kept_chains`}
			run := func(texts ...string) {
				t.Helper()
				for _, s := range texts {
					if _, err := raw.ExecContext(t.Context(), s); err != nil {
						t.Fatalf("%s: %v", s, err)
					}
				}
			}
			run(kept...)
			for _, c := range tamperings {
				run(strings.Split(strings.NewReplacer("OLD", "'"+old+"'", "NOW", "'"+now+"'").Replace(c.sql), "; ")...)
				told := false
				r := verify(t, db)
				for _, f := range r.Flaws {
					told = told || strings.Contains(f.What, c.want) && f.N == c.at
				}
				if !told || len(r.Flaws) > 4 {
					t.Errorf("%s: want %q at %d, got %+v", c.name, c.want, c.at, r.Flaws)
				}
				run(again...)
			}
			if r := verify(t, db); !r.Sound() {
				t.Errorf("put back: %+v", r)
			}
		})
	}
}

func TestAnotherKeyFindsFaultWithEverything(t *testing.T) {
	db, _, _ := record(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	r, err := audit.Verify(t.Context(), db, []byte("another"))
	if err != nil || len(r.Flaws) != 18 {
		t.Errorf("%d flaws, %v", len(r.Flaws), err)
	}
	if _, err := audit.Verify(t.Context(), db, nil); err == nil {
		t.Error("no key was taken")
	}
}

// short is a source of one forged chain of n records.
type short struct{ n int64 }

func (s short) EachChain(_ context.Context, visit func(string, int64, []byte, bool) error) error {
	return visit("c", s.n, nil, true)
}

func (s short) EachRecord(_ context.Context, _ string, visit func(int64, countersign.Event, []byte) error) error {
	for n := range s.n {
		if err := visit(n+1, countersign.Event{}, []byte("forged")); err != nil {
			return err
		}
	}
	return nil
}

func (short) LinkOf(context.Context, string, int64) ([]byte, error) { return nil, nil }

func TestAReportIsBounded(t *testing.T) {
	r, err := audit.Verify(t.Context(), short{1000}, []byte("key"))
	if err != nil || len(r.Flaws) != 100 || r.More != 901 {
		t.Errorf("%d flaws and %d more, %v", len(r.Flaws), r.More, err)
	}
}
