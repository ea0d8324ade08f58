package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
)

// These reach into the lane for tests of faults that cannot be brought about from
// outside: they tell the lane's own connection what the disk would say.

// LimitPages makes the file unable to grow.
func LimitPages(db *DB, on bool) error {
	text := "PRAGMA max_page_count = 1073741823"
	if on {
		text = "PRAGMA max_page_count = 1" // SQLite takes the present size where that is more
	}
	return db.everyConnection(text)
}

// ReadOnly makes every write fail with SQLITE_READONLY.
func ReadOnly(db *DB, on bool) error {
	text := "PRAGMA query_only = 0"
	if on {
		text = "PRAGMA query_only = 1"
	}
	return db.everyConnection(text)
}

// everyConnection runs the text on the lane's connection, and on the one it will
// take when it drops that: the pool has no third.
func (db *DB) everyConnection(text string) error {
	db.write.SetMaxOpenConns(2)
	c, err := db.write.Conn(context.Background())
	if err != nil {
		return err
	}
	_, err = c.ExecContext(context.Background(), text)
	return errors.Join(err, c.Close(), db.do(context.Background(), true, func(t *tx) error {
		_, err := t.lane.conn.ExecContext(context.Background(), text)
		return err
	}))
}

// Texts returns every statement that was prepared on the handle.
func Texts(db *DB) []string {
	all := map[string]bool{}
	take := func(s *statements) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		for text := range maps.Keys(s.have) {
			all[text] = true
		}
	}
	if db.lookups != nil {
		all[sessionText] = true
	}
	take(db.reading)
	for _, l := range db.lanes {
		if l.stmts != nil {
			take(l.stmts)
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Panics runs a write that panics.
func Panics(db *DB) error {
	return db.do(context.Background(), false, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM identities`); err != nil {
			return err
		}
		panic("as a test")
	})
}

// Overlooks runs a write that goes on after a statement has failed.
func Overlooks(db *DB) error {
	return db.do(context.Background(), false, func(t *tx) error {
		t.exec(`INSERT INTO labels (kind, name, identity) VALUES ('flag', 'x', 'idn_none')`)
		return nil
	})
}

func TestSchemaVersionIsThatOfTheMigrations(t *testing.T) {
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) != schemaVersion {
		t.Errorf("%d files for version %d: %v", len(files), schemaVersion, err)
	}
}

func TestTheReadersCannotWrite(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + t.TempDir() + "/test.db", Keys: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.read.Exec(`DELETE FROM identities`); err == nil {
		t.Error("a reader wrote")
	}
	if err := db.query(t.Context(), func(*sql.Rows) error { return nil }, `DELETE FROM identities RETURNING id`); err == nil {
		t.Error("a query wrote")
	}
}

// Hold keeps every lane busy until release is called: what is brought meanwhile,
// and waited for by Queued, becomes one batch where there is one lane.
func Hold(db *DB) (release func()) {
	begun, end := make(chan bool), make(chan bool)
	var all sync.WaitGroup
	for range db.lanes {
		all.Go(func() {
			db.do(context.Background(), false, func(*tx) error {
				select {
				case begun <- true:
				case <-end: // run again
				}
				<-end
				return nil
			})
		})
	}
	for range db.lanes {
		<-begun
	}
	return func() { close(end); all.Wait() }
}
