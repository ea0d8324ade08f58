// Package store is the database: one concrete type for SQLite and PostgreSQL 15+.
//
// It owns the tables, the transactions, the audit chains and what is sealed at
// rest. Each method is one verb and one transaction. It does not decide: what a
// step means is in the Change it is given. It never sees a request or a secret
// that it could show; log lines carry no value of a row.
//
// All writes go through lanes (lane.go), which commit together what many callers
// brought. Faults of the storage come back as countersign.ErrOverloaded and heal
// without a restart; what is not there is countersign.ErrNotFound.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/seal"
)

// Options say which database to open and with what. URL and Keys are needed.
type Options struct {
	URL  string   // "sqlite:path" or "postgres://…"
	Keys [][]byte // key-encryption keys of 32 bytes: the first wraps, the others only unwrap
	Node string   // names this process in the audit chains

	MaxConnections int              // for reading; 0 for 4 on SQLite, 16 on PostgreSQL
	Lanes          int              // for writing on PostgreSQL; 0 for 8. SQLite has one writer
	Now            func() time.Time // nil for time.Now
	Rand           io.Reader        // nil for crypto/rand
	Log            *slog.Logger     // nil for none
}

// DB is the open database. It is safe for concurrent use.
type DB struct {
	o       Options
	d       dialect
	read    *sql.DB
	write   *sql.DB
	reading *statements
	lookups *readers // SQLite: of sessions; else nil
	keys    atomic.Pointer[keyring]

	file os.FileInfo // SQLite: what was opened

	queue   chan *op
	closing sync.RWMutex // held for reading while sending to queue
	closed  bool
	lanes   []*lane
	running sync.WaitGroup

	joint struct { // the checkpoint event's own memory
		sync.Mutex
		links uint64    // linked when the last one was written
		since time.Time // heads older than this are named already
		next  time.Time
	}
	retired struct { // of connections that were dropped: still to be written
		sync.Mutex
		heads []head
	}
	links, batches, ops, stmts atomic.Uint64
}

// Open connects. On a database that has tables it also opens the data keys,
// and fails when no key-encryption key fits; on a new one Migrate does.
func Open(ctx context.Context, o Options) (*DB, error) {
	d, err := dialectOf(o.URL)
	if err != nil {
		return nil, err
	}
	if len(o.Keys) == 0 {
		return nil, errors.New("store: no key-encryption key")
	}
	for _, k := range o.Keys {
		if len(k) != seal.KeySize {
			return nil, fmt.Errorf("store: a key-encryption key has %d bytes, not %d", len(k), seal.KeySize)
		}
	}
	o = d.defaults(o)
	db := &DB{o: o, d: d, queue: make(chan *op, queueLength)}
	if db.write, db.read, err = d.open(o); err != nil {
		return nil, err
	}
	db.reading = newStatements(db.read)
	if d.lite {
		db.lookups = newReaders(max(1, o.MaxConnections/2), func() (driver.Conn, error) { return db.read.Driver().Open(d.reading()) })
		if db.file, err = os.Stat(d.dsn); err != nil {
			return nil, errors.Join(fmt.Errorf("store: open: %w", err), db.shut())
		}
	}
	if err := db.start(ctx); err != nil {
		db.shut()
		return nil, err
	}
	return db, nil
}

// start opens the keys of a database that has some, and starts the lanes.
func (db *DB) start(ctx context.Context) error {
	at, err := db.schema(ctx)
	if err != nil {
		return db.fault(fmt.Errorf("store: open: %w", err))
	}
	if at > 0 {
		if err := db.loadKeys(ctx); err != nil {
			return err
		}
	}
	db.joint.next = db.now().Add(checkpointEvery)
	for range db.o.Lanes {
		l := &lane{db: db}
		db.lanes = append(db.lanes, l)
		db.running.Go(l.run)
	}
	return nil
}

func (o Options) withDefaults(connections, lanes int) Options {
	if o.MaxConnections == 0 {
		o.MaxConnections = connections
	}
	if o.Lanes == 0 {
		o.Lanes = lanes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// now is the time as the database keeps it.
func (db *DB) now() time.Time { return db.o.Now().UTC().Truncate(time.Microsecond) }

// inPlace reports a SQLite file that was moved, removed or replaced under a
// running server: the system would go on writing to the one that nobody finds
// again. Put back, it is used again.
func (db *DB) inPlace() error {
	if !db.d.lite {
		return nil
	}
	now, err := os.Stat(db.d.dsn)
	if err != nil || !os.SameFile(now, db.file) {
		return fmt.Errorf("store: the database file is not where it was opened: put it back, or restart: %w", countersign.ErrOverloaded)
	}
	return nil
}

// Ready reports whether the database answers and has the tables this program
// needs; newer tables are fine.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.inPlace(); err != nil {
		return err
	}
	at, err := db.schema(ctx)
	if err != nil {
		return db.fault(fmt.Errorf("store: ready: %w", err))
	}
	if at < schemaVersion {
		return fmt.Errorf("store: the schema is at version %d, this program needs %d: run migrate: %w", at, schemaVersion, countersign.ErrOverloaded)
	}
	if db.keys.Load() == nil {
		return db.loadKeys(ctx)
	}
	return nil
}

// Close finishes what is queued, writes the heads of the chains, and closes the
// database. Later calls of other methods get ErrOverloaded.
func (db *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	var err error
	if db.keys.Load() != nil {
		err = db.writeHeads(ctx)
	}
	db.closing.Lock()
	was := db.closed
	db.closed = true
	db.closing.Unlock()
	if was {
		return nil
	}
	close(db.queue)
	db.running.Wait()
	return errors.Join(err, db.shut())
}

func (db *DB) shut() error {
	var reading error
	if db.lookups != nil {
		reading = db.lookups.close()
	}
	if db.read != db.write {
		reading = errors.Join(reading, db.read.Close())
	}
	return errors.Join(reading, db.write.Close())
}

// Stats are counts since Open, for metrics and for tests of cost.
type Stats struct {
	Queue      int    // writes that wait for a lane
	Batches    uint64 // transactions committed or tried
	Ops        uint64 // writes that ran in them
	Statements uint64 // statements run for callers; not BEGIN, COMMIT and savepoints
}

// Stats returns the counts so far.
func (db *DB) Stats() Stats {
	return Stats{len(db.queue), db.batches.Load(), db.ops.Load(), db.stmts.Load()}
}

// ChainKey is the key of the audit chains and their heads, the same on every
// node of a database. It is derived from the oldest data key, so it outlives the
// rotation of all others. Nil before Migrate.
func (db *DB) ChainKey() []byte {
	if k := db.keys.Load(); k != nil {
		return k.chain
	}
	return nil
}
