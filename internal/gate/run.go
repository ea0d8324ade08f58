package gate

import (
	"context"
	"fmt"
	"runtime"
)

// job is one piece of work on its way to a thread and back.
type job struct {
	do     func()
	done   chan struct{}
	thrown any // what do panicked with
}

// Run runs do on a thread of its own that yields the processor to everything else, and returns when it has ended.
// Only a caller between Enter and its release may call it: that bounds how many wait here for a slot. When
// ctx ends first, do has not begun and will not; once it began, Run waits for it, whatever becomes of ctx.
// A panic of do becomes a panic of Run. The error is what ended ctx.
func (g *Gate) Run(ctx context.Context, do func()) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("gate: run: %w", err)
	}
	j := &job{do: do, done: make(chan struct{})}
	select {
	case g.slots <- struct{}{}:
		go g.work(j)
	case g.jobs <- j: // a thread that just got free goes on with this
	case <-ctx.Done():
		return fmt.Errorf("gate: run: %w", ctx.Err())
	}
	<-j.done
	if j.thrown != nil {
		panic(j.thrown)
	}
	return nil
}

// work is the life of one thread: the first job, then whatever waits, and the end. Going on with what waits, without
// waking its caller in between, keeps the processor busy; ending leaves nothing to close when nothing waits.
//
// The thread is never unlocked, so it ends with its goroutine: without privileges a priority can be
// lowered but not raised again, and no other goroutine may inherit it.
func (g *Gate) work(j *job) {
	// Who comes between the look at the jobs and this waits for both, and so gets the slot.
	defer func() { <-g.slots }()
	runtime.LockOSThread()
	yieldCPU(g.o.Nice)
	for {
		g.runJob(j)
		select {
		case j = <-g.jobs:
		default:
			return
		}
	}
}

func (g *Gate) runJob(j *job) {
	defer close(j.done)
	defer func() { j.thrown = recover() }()
	g.running.Add(1)
	defer g.running.Add(-1)
	begin := g.o.Now()
	j.do()
	g.learn(int64(g.o.Now().Sub(begin)))
}

// learn moves the typical duration an eighth of the way to the latest. An update lost between two threads
// does no harm: it is an estimate.
func (g *Gate) learn(took int64) {
	old := g.typical.Load()
	if old == 0 {
		old = took
	}
	g.typical.Store(old + (took-old)/8)
}
