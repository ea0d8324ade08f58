package gate

import (
	"runtime"
	"sync"
	"testing"
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
