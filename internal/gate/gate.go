// Package gate admits slow work. It bounds how many callers are inside at once, keeps the rest in a short first-come
// queue, refuses the others at once, and runs the work on threads that yield to everything else in the process,
// so that a flood of password hashes neither exhausts memory nor slows the handlers beside it.
//
// It does not know what the work is, keeps no record of who asked, and counts no guesses.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// OverloadedError is a refusal: the queue is full, or a caller waited in it as long as it may.
type OverloadedError struct {
	RetryAfter time.Duration // when trying again is worth it; whole seconds, at least one
}

func (e *OverloadedError) Error() string {
	return fmt.Sprintf("gate: overloaded, retry after %s", e.RetryAfter)
}

// Is makes errors.Is(err, ErrOverloaded) true for every refusal.
func (e *OverloadedError) Is(target error) bool { return target == ErrOverloaded }

// ErrOverloaded is what every refusal for lack of room is.
var ErrOverloaded = errors.New("gate: overloaded")

// Options is what New needs. Slots, Queue and Wait must be positive.
type Options struct {
	Slots int           // how much work runs at once: the number of cores
	Queue int           // how many may wait outside
	Wait  time.Duration // who would wait outside longer than this, going by recent work, is refused on arrival
	Nice  int           // niceness of the working threads on Linux, 0 to 19; see Niceness
	Now   func() time.Time
}

// patience is how many times Wait someone waits who was let into the queue: the work may turn out slower than
// it was, and a late service is better than a late refusal.
const patience = 10

// Niceness is the value of Options.Nice for a server. The kernel then prefers every other thread about ten to one, so
// that handlers answer in time beside a flood of work. Not more: a thread that hardly ever runs holds up the
// garbage collector, which waits for it at its next safe point, when other processes want the processor too.
//
// It works only if the Go scheduler never lacks a P for a handler: while the work fills Slots of them, others must be
// left, so the wiring calls runtime.GOMAXPROCS(cores + Slots) once.
const Niceness = 10

// Gate admits at most 2·Slots callers at once and runs the work of at most Slots of them at a time. A caller
// between Enter and its release may do something short, such as counting a guess in the database, before
// it asks for a slot: what was counted but not yet run therefore never exceeds 2·Slots.
type Gate struct {
	o      Options
	inside chan struct{} // one token for each caller between Enter and release
	slots  chan struct{} // one token for each thread
	jobs   chan *job     // work that waits for a thread; unbuffered, first come

	waiting, running, refused, total atomic.Int64

	typical atomic.Int64 // what a piece of work takes lately, in nanoseconds; 0 until the first
}

// Stats is a look at a gate, for metrics.
type Stats struct {
	Inside  int   // callers between Enter and release
	Running int   // work running now
	Waiting int   // callers in the queue
	Refused int64 // callers refused since New
	Total   int64 // callers admitted since New
}

// New makes a gate. It needs no closing: a thread lives only as long as there is work.
func New(o Options) (*Gate, error) {
	if o.Slots < 1 || o.Queue < 1 || o.Wait <= 0 || o.Nice < 0 || o.Nice > 19 || o.Now == nil {
		return nil, errors.New("gate: slots, queue, wait and now are needed; nice is 0 to 19")
	}
	return &Gate{
		o: o, inside: make(chan struct{}, 2*o.Slots), slots: make(chan struct{}, o.Slots), jobs: make(chan *job),
	}, nil
}

// Enter admits the caller, waiting its turn in the queue if need be. The caller must call release, once
// it is done; further calls of release do nothing. The error is an *OverloadedError when there is no
// room, or what ended ctx.
func (g *Gate) Enter(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("gate: enter: %w", err)
	}
	// A freed place goes straight to the longest waiting sender, so this cannot overtake the queue.
	select {
	case g.inside <- struct{}{}:
		return g.admitted(), nil
	default:
	}
	ahead := g.waiting.Add(1) - 1
	defer g.waiting.Add(-1)
	if ahead >= int64(g.o.Queue) || g.expected(ahead+1) > g.o.Wait {
		return nil, g.refuse()
	}
	timer := time.NewTimer(patience * g.o.Wait)
	defer timer.Stop()
	select {
	case g.inside <- struct{}{}:
		return g.admitted(), nil
	case <-timer.C:
		return nil, g.refuse()
	case <-ctx.Done():
		return nil, fmt.Errorf("gate: enter: %w", ctx.Err())
	}
}

// Stats looks at the gate. The figures are each exact but not of one instant.
func (g *Gate) Stats() Stats {
	return Stats{
		Inside: len(g.inside), Running: int(g.running.Load()), Waiting: int(g.waiting.Load()),
		Refused: g.refused.Load(), Total: g.total.Load(),
	}
}

func (g *Gate) admitted() func() {
	g.total.Add(1)
	var left atomic.Bool
	return func() {
		if left.CompareAndSwap(false, true) {
			<-g.inside
		}
	}
}

func (g *Gate) refuse() error {
	g.refused.Add(1)
	drain := g.expected(g.waiting.Load() + int64(len(g.inside)))
	return &OverloadedError{RetryAfter: max(drain.Truncate(time.Second)+time.Second, time.Second)}
}

// expected is how long it takes until n more callers were served, going by what work took lately.
func (g *Gate) expected(n int64) time.Duration {
	return time.Duration(n * g.typical.Load() / int64(g.o.Slots))
}
