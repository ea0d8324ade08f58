package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, slots, queue int, wait time.Duration) *Gate {
	t.Helper()
	g, err := New(Options{Slots: slots, Queue: queue, Wait: wait, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// fill takes every place inside and gives the releases.
func fill(t *testing.T, g *Gate) (release []func()) {
	t.Helper()
	for range 2 * g.o.Slots {
		leave, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		release = append(release, leave)
	}
	return release
}

func TestNewRefusesOptionsWithoutBounds(t *testing.T) {
	good := Options{Slots: 1, Queue: 1, Wait: 1, Now: time.Now}
	for what, spoil := range map[string]func(*Options){
		"no slots":          func(o *Options) { o.Slots = 0 },
		"no queue":          func(o *Options) { o.Queue = 0 },
		"no wait":           func(o *Options) { o.Wait = 0 },
		"no clock":          func(o *Options) { o.Now = nil },
		"raised priority":   func(o *Options) { o.Nice = -1 },
		"unknown niceness":  func(o *Options) { o.Nice = 20 },
		"negative of queue": func(o *Options) { o.Queue = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

func TestAFloodNeverExceedsTheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 4
		g := open(t, slots, 6, time.Minute)
		var inside, running, mostInside, mostRunning, served, refused atomic.Int64
		raise := func(now, most *atomic.Int64) {
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
		}
		var wait sync.WaitGroup
		for range 1000 {
			wait.Go(func() {
				release, err := g.Enter(t.Context())
				if err != nil {
					refused.Add(1)
					return
				}
				defer release()
				raise(&inside, &mostInside)
				defer inside.Add(-1)
				err = g.Run(t.Context(), func() {
					raise(&running, &mostRunning)
					<-time.After(20 * time.Millisecond)
					running.Add(-1)
				})
				if err == nil {
					served.Add(1)
				}
			})
		}
		wait.Wait()
		if mostInside.Load() != 2*slots || mostRunning.Load() != slots {
			t.Errorf("at most %d inside and %d running, want %d and %d", mostInside.Load(), mostRunning.Load(), 2*slots, slots)
		}
		if served.Load() != 2*slots+6 || refused.Load() != 1000-2*slots-6 {
			t.Errorf("served %d, refused %d", served.Load(), refused.Load())
		}
		want := Stats{Refused: refused.Load(), Total: served.Load()}
		if got := g.Stats(); got != want {
			t.Errorf("afterwards %+v, want %+v", got, want)
		}
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 1, time.Second)
		release := fill(t, g)
		go func() {
			if leave, err := g.Enter(t.Context()); err != nil {
				t.Error(err)
			} else {
				leave()
			}
		}()
		synctest.Wait()
		begin := time.Now()
		_, err := g.Enter(t.Context())
		var over *OverloadedError
		if !errors.As(err, &over) || !errors.Is(err, ErrOverloaded) || over.RetryAfter < time.Second {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("refused after %s", waited)
		}
		for _, leave := range release {
			leave()
		}
	})
}

func TestWhoWaitsTooLongIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 8, 300*time.Millisecond)
		fill(t, g)
		begin := time.Now()
		_, err := g.Enter(t.Context())
		if !errors.Is(err, ErrOverloaded) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begin); waited != 3*time.Second {
			t.Errorf("refused after %s", waited)
		}
		if s := g.Stats(); s.Waiting != 0 || s.Refused != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhoWouldWaitTooLongIsRefusedOnArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 100, 250*time.Millisecond)
		// The gate learns that work takes 100 ms; so in 250 ms two more callers can be served, and not a third.
		release, _ := g.Enter(t.Context())
		_ = g.Run(t.Context(), func() { <-time.After(100 * time.Millisecond) })
		release()
		fill(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 2 {
			go func() { _, _ = g.Enter(ctx) }()
		}
		synctest.Wait()
		if s := g.Stats(); s.Waiting != 2 {
			t.Fatalf("%+v", s)
		}
		begin := time.Now()
		if _, err := g.Enter(t.Context()); !errors.Is(err, ErrOverloaded) || time.Since(begin) != 0 {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
	})
}

func TestTheQueueIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 10, time.Minute)
		release := fill(t, g)
		var order []int
		for i := range 10 {
			go func() {
				leave, err := g.Enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // one inside at a time from here on: the other place is never released
				leave()
			}()
			synctest.Wait()
		}
		release[0]()
		synctest.Wait()
		if got, want := fmt.Sprint(order), "[0 1 2 3 4 5 6 7 8 9]"; got != want {
			t.Errorf("served %s", got)
		}
	})
}

func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 1, time.Minute)
		release := fill(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := g.Enter(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrOverloaded) {
				t.Errorf("got %v", err)
			}
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if s := g.Stats(); s.Waiting != 0 || s.Refused != 0 {
			t.Fatalf("%+v", s)
		}
		go func() { // the place in the queue is free again
			if _, err := g.Enter(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		release[1]()
		synctest.Wait()
		if s := g.Stats(); s.Inside != 2 {
			t.Errorf("%+v", s)
		}
		if _, err := g.Enter(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context entered: %v", err)
		}
	})
}

func TestReleaseCountsOnce(t *testing.T) {
	g := open(t, 1, 1, time.Minute)
	first, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	first()
	first() // must not let the second one's place go
	if s := g.Stats(); s.Inside != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWorkIsNotBegunForWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 1, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		end := make(chan struct{})
		go func() { _ = g.Run(t.Context(), func() { <-end }) }()
		synctest.Wait()
		go func() {
			if err := g.Run(ctx, func() { t.Error("begun") }); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(end)
		synctest.Wait()
		for range 100 { // with a slot free as well, the choice must not be left to chance
			if err := g.Run(ctx, func() { t.Error("begun") }); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		}
		if s := g.Stats(); s.Running != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPanicReachesTheCallerAndFreesTheSlot(t *testing.T) {
	g := open(t, 1, 1, time.Minute)
	func() {
		defer func() {
			if got := recover(); got != "broken" {
				t.Errorf("recovered %v", got)
			}
		}()
		_ = g.Run(t.Context(), func() { panic("broken") })
	}()
	ran := false
	if err := g.Run(t.Context(), func() { ran = true }); err != nil || !ran {
		t.Errorf("after the panic: ran %t, %v", ran, err)
	}
}
