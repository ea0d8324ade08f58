package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/countersign-id/countersign"
)

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
	if err := l.opened(ctx, t); err != nil {
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

// opened begins the transaction. A connection that turns out to be gone is
// replaced once: nothing was asked of it yet, so nothing can happen twice.
func (l *lane) opened(ctx context.Context, t *tx) error {
	err := t.begin()
	if err == nil || l.db.d.lite || !l.db.d.broken(err) {
		return err
	}
	l.drop()
	if err := l.connect(ctx); err != nil {
		return err
	}
	t.head = *l.head.Load()
	return t.begin()
}

// begin takes SQLite's write lock, which another process may hold, by asking each
// millisecond. SQLite's own waiting asks ever more seldom, so that it starves
// beside a busy writer.
func (t *tx) begin() error {
	if !t.lane.db.d.lite {
		return t.control("BEGIN")
	}
	if err := t.lane.db.inPlace(); err != nil {
		return err
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
