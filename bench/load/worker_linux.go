package load

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// clock gives every worker the same three moments, as durations since one origin.
type clock struct {
	origin           time.Time
	warm, end, grace time.Duration // counting begins, counting ends, waiting for late answers ends
}

func (c clock) now() time.Duration { return time.Since(c.origin) }

// worker is one thread with an epoll set of its own. Workers share nothing but the rows counters.
type worker struct {
	part, parts int
	to          netip.AddrPort
	poll, timer int // file descriptors: the epoll set, and a timer for requests falling due
	clock       clock
	lanes       []*lane
	lines       []*line // an epoll event carries the index into it
	tallies     []*Tally
	busy, alive int // lines waiting for an answer, lines connected
	buf         []byte
}

const timerEvent = -1

func newWorker(p Plan, part, parts int, mixes [][]*request, asks int) (*worker, error) {
	w := &worker{part: part, parts: parts, to: p.Addr, buf: make([]byte, 64<<10)}
	for range asks {
		w.tallies = append(w.tallies, newTally())
	}
	for i, s := range p.Streams {
		w.lanes = append(w.lanes, newLane(s, mixes[i], part, parts))
	}
	var err error
	if w.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	if w.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: timer: %w", err)
	}
	return w, w.listen(w.timer, timerEvent)
}

func (w *worker) listen(fd, index int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}
	if err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

func (w *worker) closeAll() {
	for _, l := range w.lines {
		if l.fd >= 0 {
			unix.Close(l.fd)
		}
	}
	unix.Close(w.timer)
	unix.Close(w.poll)
}

// run drives the worker's lines from the clock's origin until everything was answered or the grace is over.
func (w *worker) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now := w.clock.now()
	for _, l := range w.lines {
		if l.lane.interval > 0 {
			l.lane.idle = append(l.lane.idle, l)
		} else {
			w.sendNext(l, now)
		}
	}
	events := make([]unix.EpollEvent, 256)
	for w.alive > 0 && ctx.Err() == nil && !w.finished(now) {
		if err := w.offer(now); err != nil {
			return err
		}
		n, err := unix.EpollWait(w.poll, events, 10)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("load: epoll: %w", err)
		}
		for i := range max(n, 0) {
			if events[i].Fd == timerEvent {
				_, _ = unix.Read(w.timer, w.buf) // only to quiet it; offer looks at the clock
				continue
			}
			w.readable(w.lines[events[i].Fd])
		}
		now = w.clock.now()
	}
	w.settle()
	return nil
}

func (w *worker) finished(now time.Duration) bool {
	if now >= w.clock.grace {
		return true
	}
	if w.busy > 0 {
		return false
	}
	for _, l := range w.lanes {
		if !l.spent && now < w.clock.end {
			return false
		}
	}
	return true
}

// offer sends what has fallen due in the open loops and sets the timer to the next moment.
func (w *worker) offer(now time.Duration) error {
	var wake time.Duration
	for _, l := range w.lanes {
		if l.interval == 0 || l.spent {
			continue
		}
		for l.due <= now && l.due < w.clock.end && len(l.idle) > 0 && !l.spent {
			free := l.idle[len(l.idle)-1]
			l.idle = l.idle[:len(l.idle)-1]
			w.sendNext(free, l.due)
			l.due += l.interval
		}
		if len(l.idle) > 0 && l.due > now && l.due < w.clock.end && (wake == 0 || l.due < wake) {
			wake = l.due
		}
	}
	if wake == 0 {
		return nil
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wake - now))}
	if err := unix.TimerfdSettime(w.timer, 0, &spec, nil); err != nil {
		return fmt.Errorf("load: timer: %w", err)
	}
	return nil
}

// settle counts what never got an answer, or was due and never sent.
func (w *worker) settle() {
	for _, l := range w.lines {
		if l.busy {
			w.tallies[l.request.number].Unanswered++
		}
	}
	for _, l := range w.lanes {
		for ; l.interval > 0 && l.due < w.clock.end; l.due += l.interval {
			request, _, ok := l.next()
			if !ok {
				break
			}
			if l.due >= w.clock.warm {
				w.tallies[request.number].Unsent++
			}
		}
	}
}
