package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	// opTimeout bounds a write from the moment a caller brings it. It is never
	// the caller's own: a browser that leaves must not undo other people's commit.
	opTimeout   = 5 * time.Second
	queueLength = 4096
	maxTurns    = 4 // how often a transaction is tried that the database wants again

	workStretch = 100 * time.Millisecond // SQLite: how long a lane works without a pause
	workPause   = 2 * time.Millisecond   // longer than another process takes to ask twice
)

// A lane is one goroutine with one connection of its own and one audit chain.
// It takes what callers have queued, runs it in one transaction, in which a write
// that fails leaves the others alone, and commits once; every caller gets its own
// result after the commit. Nothing waits for company: a lone write is committed alone.
type lane struct {
	db    *DB
	conn  *sql.Conn
	stmts *statements
	head  atomic.Pointer[head] // as committed; the checkpoint reads it

	written atomic.Pointer[head] // as the chain's row says
	rested  time.Time            // when it last had nothing to do, or paused
	company int                  // how many writes the batch before had
	wary    int                  // transactions to run with savepoints yet
}

// op is one write that waits for its lane. Whoever moves it from waiting first,
// the lane or a caller that gives up, decides whether it runs.
type op struct {
	ctx   context.Context
	run   func(*tx) error
	alone bool // in a transaction of its own
	late  time.Time
	left  atomic.Bool
	done  chan error
	err   error
}

// do queues the write and waits for its commit. The run may be called again,
// after a rollback, so it must set nothing that its caller reads on failure.
func (db *DB) do(ctx context.Context, alone bool, run func(*tx) error) error {
	if err := db.unready(); err != nil {
		return err
	}
	o := &op{ctx: ctx, run: run, alone: alone && !db.d.lite, late: time.Now().Add(opTimeout), done: make(chan error, 1)}
	if err := db.send(o); err != nil {
		return err
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		if o.left.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-o.done // it has begun: the caller is told how it ended
	}
}

func (db *DB) send(o *op) error {
	db.closing.RLock()
	defer db.closing.RUnlock()
	if db.closed {
		return fmt.Errorf("store: closed: %w", countersign.ErrOverloaded)
	}
	select {
	case db.queue <- o:
		return nil
	case <-o.ctx.Done():
		return o.ctx.Err()
	default:
		return fmt.Errorf("store: %d writes wait: %w", queueLength, countersign.ErrOverloaded)
	}
}

// batchLimit is how many writes share a commit. On PostgreSQL each takes a few
// round trips, so that the other lanes had better take some.
func (d dialect) batchLimit() int {
	if d.lite {
		return 256
	}
	return 16
}

func (l *lane) run() {
	var next *op // one that must be alone, met by the batch before
	for {
		first := next
		if first == nil {
			if first = l.wait(); first == nil {
				l.drop()
				return
			}
		}
		next = l.serve(first)
	}
}

// wait returns the next write, nil when the database closes. A lane that is never
// idle lets go of SQLite's write lock for a moment now and then, or another
// process (the command line beside a busy server) would never get it.
func (l *lane) wait() *op {
	o, ok := l.poll()
	switch {
	case !ok:
		o = <-l.db.queue
		l.rested = time.Now()
	case l.db.d.lite && time.Since(l.rested) > workStretch:
		<-time.After(workPause)
		l.rested = time.Now()
	}
	return o
}

func (l *lane) poll() (*op, bool) {
	select {
	case o, ok := <-l.db.queue:
		return o, ok
	default:
		return nil, false
	}
}

// connect takes a connection, and with each one begins a new chain: what became
// of the old one's last transaction may be unknown.
func (l *lane) connect(ctx context.Context) error {
	if l.conn != nil {
		return nil
	}
	conn, err := l.db.write.Conn(ctx)
	if err != nil {
		return err
	}
	if l.db.d.lite {
		_, err = conn.ExecContext(ctx, "PRAGMA busy_timeout = 1") // begin waits
	}
	h, failed := l.db.newHead()
	if err = errors.Join(err, failed); err != nil {
		return errors.Join(err, conn.Close())
	}
	l.conn, l.stmts = conn, newStatements(conn)
	l.head.Store(&h)
	return nil
}

// rollback undoes the transaction. A connection that cannot even do that is dropped.
func (l *lane) rollback(t *tx, cause error) error {
	if err := t.control("ROLLBACK"); err != nil || cause != nil && !again(cause) {
		return l.abandon(cause)
	}
	return cause
}

// abandon drops the connection; the next write takes a new one.
func (l *lane) abandon(cause error) error {
	l.drop()
	return cause
}

func (l *lane) drop() {
	if l.conn == nil {
		return
	}
	l.db.retire(l.head.Load())
	l.conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it: statements, locks and all
	l.conn.Close()
	l.conn, l.stmts = nil, nil
}
