package gate

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func niceOfThisThread(t *testing.T) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	if err != nil {
		t.Error(err)
	}
	return 20 - raw // the system call answers 20 minus the niceness, lest it be taken for an error
}

func TestWorkYieldsAndNothingElseInheritsIt(t *testing.T) {
	g, err := New(Options{Slots: 4, Queue: 1, Wait: time.Second, Nice: Niceness, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	before := niceOfThisThread(t)
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			inside := 0
			if err := g.Run(t.Context(), func() { inside = niceOfThisThread(t) }); err != nil {
				t.Error(err)
			}
			if inside != Niceness {
				t.Errorf("work ran at niceness %d, want %d", inside, Niceness)
			}
			if got := niceOfThisThread(t); got != before {
				t.Errorf("afterwards a caller runs at niceness %d, want %d", got, before)
			}
		})
	}
	wait.Wait()
}

func TestWorkRunsInShortSlices(t *testing.T) {
	g, err := New(Options{Slots: 1, Queue: 1, Wait: time.Second, Nice: Niceness, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var a *unix.SchedAttr
	if err := g.Run(t.Context(), func() { a, err = unix.SchedGetAttr(0, 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || a.Policy != unix.SCHED_NORMAL || a.Nice != Niceness {
		t.Fatalf("%+v %v", a, err)
	}
	// Kernels before 6.12 have no slices and say 0.
	if got := time.Duration(a.Runtime); got != 0 && got != shortSlice {
		t.Errorf("a slice of %v, want %v", got, shortSlice)
	}
}

func TestAThreadGoesOnWithWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, 1, 1, time.Minute)
		var threads [3]int
		end := make(chan struct{})
		for i := range threads {
			go func() {
				_ = g.Run(t.Context(), func() {
					threads[i] = unix.Gettid()
					<-end
				})
			}()
			synctest.Wait()
		}
		close(end)
		synctest.Wait()
		if threads[0] == 0 || threads[0] != threads[1] || threads[1] != threads[2] {
			t.Errorf("waiting work ran on the threads %v", threads)
		}
	})
}
