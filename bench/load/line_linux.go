package load

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// line is one kept-alive connection with at most one request on it.
type line struct {
	index   int
	fd      int // -1 once it could not be opened again
	source  netip.Addr
	lane    *lane
	busy    bool
	request *request
	row     int
	began   time.Duration // sent (closed loop) or due (open loop)
	out     []byte
	reply   reply
}

// sourceAddr spreads clients over networks: number 0 is 127.1.0.1, 1 is 127.1.1.1, and so on.
func sourceAddr(number, sources int) netip.Addr {
	if sources < 1 {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	number %= min(sources, 200*256)
	return netip.AddrFrom4([4]byte{127, byte(1 + number/256), byte(number), 1})
}

// connect opens every line this worker has.
func (w *worker) connect() error {
	for _, ln := range w.lanes {
		for i := range ln.connections(w.part, w.parts) {
			l := &line{index: len(w.lines), lane: ln, source: sourceAddr(i*w.parts+w.part, ln.stream.Sources)}
			if err := w.open(l); err != nil {
				return err
			}
			w.lines = append(w.lines, l)
		}
	}
	return nil
}

// open connects while blocking, which takes microseconds on loopback, and then turns non-blocking.
func (w *worker) open(l *line) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("load: socket: %w", err)
	}
	l.fd = fd
	steps := []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) },
		func() error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: l.source.As4()}) },
		func() error {
			return unix.Connect(fd, &unix.SockaddrInet4{Addr: w.to.Addr().As4(), Port: int(w.to.Port())})
		},
		func() error { return unix.SetNonblock(fd, true) },
		func() error { return w.listen(fd, l.index) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			unix.Close(fd)
			l.fd = -1
			return fmt.Errorf("load: connect from %s to %s: %w", l.source, w.to, err)
		}
	}
	w.alive++
	return nil
}

// reopen replaces a connection that ended. One that cannot be replaced is left out from then on.
func (w *worker) reopen(l *line) bool {
	unix.Close(l.fd)
	l.fd = -1
	w.alive--
	return w.open(l) == nil
}

// sendNext puts the lane's next request on the line, or leaves the line idle when there is none.
func (w *worker) sendNext(l *line, began time.Duration) {
	request, row, ok := l.lane.next()
	if !ok {
		return
	}
	l.request, l.row, l.began, l.busy = request, row, began, true
	w.busy++
	l.reply.reset(request.ask.Keep)
	l.out = request.write(l.out[:0], row)
	// A request is far smaller than a socket's buffer, so it goes out whole or the line is broken.
	if n, err := unix.Write(l.fd, l.out); err != nil || n != len(l.out) {
		w.broken(l)
	}
}

// readable takes what has arrived on a line.
func (w *worker) readable(l *line) {
	n, err := unix.Read(l.fd, w.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case !l.busy: // an idle connection that the server closed, or bytes that nobody asked for
		w.reopen(l)
		return
	case err == nil && n == 0 && l.reply.endsHere():
		w.answered(l)
		return
	case err != nil || n == 0:
		w.broken(l)
		return
	}
	done, err := l.reply.feed(w.buf[:n])
	if err != nil {
		w.broken(l)
	} else if done {
		w.answered(l)
	}
}

// answered counts a whole response and puts the line to its next use.
func (w *worker) answered(l *line) {
	now := w.clock.now()
	counts := now
	if l.lane.interval > 0 {
		counts = l.began
	}
	tally := w.tallies[l.request.number]
	if counts >= w.clock.warm && counts < w.clock.end {
		tally.add(l.reply.status, now-l.began)
	}
	if l.request.ask.Keep {
		k := Kept{Status: l.reply.status, Body: l.reply.body}
		if len(l.request.rows) > 0 {
			k.Row = l.request.rows[l.row]
		}
		tally.Kept = append(tally.Kept, k)
	}
	w.release(l, !l.reply.close, now)
}

// broken counts a request that got no whole response; its connection is opened again.
func (w *worker) broken(l *line) {
	w.tallies[l.request.number].Broken++
	w.release(l, false, w.clock.now())
}

func (w *worker) release(l *line, usable bool, now time.Duration) {
	l.busy = false
	w.busy--
	if !usable && !w.reopen(l) {
		return
	}
	if l.lane.interval > 0 {
		l.lane.idle = append(l.lane.idle, l)
	} else if now < w.clock.end {
		w.sendNext(l, now)
	}
}
