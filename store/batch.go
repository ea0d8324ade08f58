package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/countersign-id/countersign"
)

// companyComes is within what time one of those whose writes were just committed
// comes back with the next one.
const companyComes = 20 * time.Microsecond

// wariness is how many transactions are run carefully after one in which a write
// failed: who brings conflicts on purpose makes few of them run twice.
const wariness = 16

// errMixed says that a write failed by itself in a transaction that has others.
var errMixed = errors.New("store: one of several failed")

// batch is what a lane commits at once. It grows while it runs.
type batch struct {
	lane *lane
	come *op // the first, until it is taken
	ops  []*op
	next *op  // one that must be alone: for the batch after
	full bool // nothing is taken any more
}

// at returns the k-th write, nil where the batch ends. From when it is taken its
// caller waits for how it ends. When no more are queued, those whose writes were
// just committed get the processor, because many of them come at once with the next
// one: after several it is left to them until none has come for a moment, after a
// single one it is left once.
func (b *batch) at(k int) *op {
	if k < len(b.ops) {
		return b.ops[k]
	}
	var quiet time.Time // since when nobody came
	for !b.full {
		o, ok := b.come, true
		if b.come = nil; o == nil {
			o, ok = b.lane.poll()
		}
		switch {
		case !ok && quiet.IsZero():
			quiet = time.Now()
			runtime.Gosched()
		case !ok && b.lane.company > 1 && time.Since(quiet) < companyComes:
			runtime.Gosched()
		case !ok:
			b.full = true
		case o.alone && len(b.ops) > 0:
			b.next, b.full = o, true
		case !o.left.CompareAndSwap(false, true): // the caller has gone
		case o.ctx.Err() != nil:
			o.done <- o.ctx.Err()
		case time.Now().After(o.late):
			o.done <- fmt.Errorf("store: waited too long: %w", countersign.ErrOverloaded)
		default:
			b.ops, b.full = append(b.ops, o), o.alone || k+1 == b.lane.db.d.batchLimit()
			return o
		}
	}
	return nil
}

// serve runs the write, and those that come meanwhile, in one transaction, and tells
// each caller. It expects that none fails, and spares them the savepoints; when one
// does, all of it is undone and run again with a savepoint around each.
func (l *lane) serve(first *op) (next *op) {
	b := &batch{lane: l, come: first}
	if b.at(0) == nil {
		return b.next
	}
	apart := l.wary > 0 && !b.full
	err := l.transact(b, apart)
	if l.wary = max(0, l.wary-1); errors.Is(err, errMixed) {
		l.wary = wariness
		err = l.transact(b, true)
	}
	l.company = len(b.ops)
	l.db.ops.Add(uint64(l.company))
	for _, o := range b.ops {
		switch {
		case again(err): // held up by another lane's rows: one by one nothing can be in each other's way for long
			for turn := 0; turn < maxTurns && (turn == 0 || again(o.err)); turn++ {
				o.err = l.transact(&batch{lane: l, ops: []*op{o}, full: true}, false)
			}
		case err != nil:
			o.err = err
		}
		o.done <- l.db.fault(o.err)
	}
	return b.next
}

// transact is one transaction. Apart, each write has a savepoint, and one that
// fails by itself has its error in op.err; else the first that does undoes them all.
// The error is that of all of them.
func (l *lane) transact(b *batch, apart bool) error {
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
	for k := 0; b.at(k) != nil; k++ {
		o := b.ops[k]
		if err := t.one(o, apart); err != nil {
			return l.rollback(t, err)
		}
		if o.err == nil || apart {
			continue
		}
		l.rollback(t, nil)
		if k == 0 { // nobody else's is undone
			b.full = true
			return o.err
		}
		return errMixed
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

// one runs a write, in a savepoint when it is to be kept apart; what became of it
// is in op.err. The error means that the whole transaction is lost.
func (t *tx) one(o *op, apart bool) error {
	if apart {
		if err := t.control("SAVEPOINT one"); err != nil {
			return err
		}
	}
	before, linked := t.head, t.linked
	t.failed = nil
	o.err = protect(func() error { return o.run(t) })
	if o.err == nil {
		o.err = t.failed // a statement that failed cannot be overlooked
	}
	switch {
	case o.err != nil && (again(o.err) || t.lane.db.d.broken(o.err)):
		return o.err
	case !apart:
		return nil
	case o.err != nil:
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
