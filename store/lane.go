package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime/debug"
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
// It takes what callers have queued, runs each write in a savepoint of one
// transaction and commits once; every caller gets its own result after the
// commit. Nothing waits for company: a lone write is committed alone.
type lane struct {
	db    *DB
	conn  *sql.Conn
	stmts *statements
	head  atomic.Pointer[head] // as committed; the checkpoint reads it

	written atomic.Pointer[head] // as the chain's row says
	rested  time.Time            // when it last had nothing to do, or paused
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
	var next *op // one that must be alone, met while gathering
	for {
		first := next
		if next = nil; first == nil {
			if first = l.wait(); first == nil {
				l.drop()
				return
			}
		}
		batch := []*op{first}
		for !first.alone && len(batch) < l.db.d.batchLimit() {
			o, ok := l.poll()
			if !ok {
				break
			}
			if o.alone {
				next = o
				break
			}
			batch = append(batch, o)
		}
		l.serve(batch)
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

// serve runs the writes and tells each caller.
func (l *lane) serve(batch []*op) {
	live := batch[:0]
	for _, o := range batch {
		switch {
		case !o.left.CompareAndSwap(false, true): // the caller has gone
		case o.ctx.Err() != nil:
			o.done <- o.ctx.Err()
		case time.Now().After(o.late):
			o.done <- fmt.Errorf("store: waited too long: %w", countersign.ErrOverloaded)
		default:
			live = append(live, o)
		}
	}
	if len(live) == 0 {
		return
	}
	l.db.ops.Add(uint64(len(live)))
	err := l.transact(live)
	if again(err) { // held up by another lane's rows: one by one nothing can be in each other's way for long
		for _, o := range live {
			for turn := 0; turn < maxTurns; turn++ {
				if o.err = l.transact([]*op{o}); !again(o.err) {
					break
				}
			}
		}
	} else if err != nil {
		for _, o := range live {
			o.err = err
		}
	}
	for _, o := range live {
		o.done <- l.db.fault(o.err)
	}
}

// transact runs the writes in one transaction. The error is that of all of them;
// a write that fails by itself has its own in op.err.
func (l *lane) transact(ops []*op) error {
	ctx, cancel := l.db.d.statementContext()
	defer cancel()
	l.db.batches.Add(1)
	if err := l.connect(ctx); err != nil {
		return err
	}
	t := &tx{ctx: ctx, lane: l, now: l.db.now(), head: *l.head.Load()}
	if err := t.begin(); err != nil {
		return l.abandon(err)
	}
	alone := len(ops) == 1
	for _, o := range ops {
		if err := t.one(o, alone); err != nil {
			return l.rollback(t, err)
		}
	}
	if alone && ops[0].err != nil {
		l.rollback(t, nil)
		return ops[0].err
	}
	if err := t.register(); err != nil {
		return l.rollback(t, err)
	}
	if err := t.control("COMMIT"); err != nil {
		return l.abandon(err) // whether it is there is unknown: the chain ends here
	}
	l.db.links.Add(t.linked)
	l.head.Store(&t.head)
	return nil
}

// begin takes SQLite's write lock, which another process may hold, by asking each
// millisecond. SQLite's own waiting asks ever more seldom, so that it starves
// beside a busy writer.
func (t *tx) begin() error {
	if !t.lane.db.d.lite {
		return t.control("BEGIN")
	}
	for late := time.Now().Add(busyTimeout); ; {
		err := t.control("BEGIN IMMEDIATE")
		if err == nil || !busy(err) || time.Now().After(late) {
			return err
		}
		<-time.After(time.Millisecond)
	}
}

// one runs a write, in a savepoint unless it is alone. The error means that the
// whole transaction is lost.
func (t *tx) one(o *op, alone bool) error {
	if !alone {
		if err := t.control("SAVEPOINT one"); err != nil {
			return err
		}
	}
	before, linked := t.head, t.linked
	t.failed = nil
	err := protect(func() error { return o.run(t) })
	if err == nil {
		err = t.failed // a statement that failed cannot be overlooked
	}
	if o.err = err; err == nil && alone || err != nil && alone && !again(err) && !t.lane.db.d.broken(err) {
		return nil
	}
	if err != nil {
		if again(err) || t.lane.db.d.broken(err) {
			return err
		}
		t.head, t.linked = before, linked
		if err := t.control("ROLLBACK TO one"); err != nil {
			return err
		}
	}
	return t.control("RELEASE one")
}

// protect turns a panic into that write's error.
func protect(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run()
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
