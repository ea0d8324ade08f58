package load

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"time"

	"github.com/countersign-id/countersign/bench/proc"
)

// Run carries a plan out in this process. Prefer Spawn, which keeps the generator's CPU time, memory
// and garbage collector apart from the caller's.
func Run(ctx context.Context, p Plan) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	mixes, asks, err := p.prepare()
	if err != nil {
		return Result{}, err
	}
	parts := p.Workers
	if parts < 1 {
		parts = max(1, runtime.NumCPU()/2)
	}
	var workers []*worker
	defer func() {
		for _, w := range workers {
			w.closeAll()
		}
	}()
	for part := range parts {
		w, err := newWorker(p, part, parts, mixes, len(asks))
		if err != nil {
			return Result{}, err
		}
		workers = append(workers, w)
		if err := w.connect(); err != nil {
			return Result{}, err
		}
	}
	result, err := p.measure(ctx, workers)
	if err != nil {
		return Result{}, err
	}
	result.Asks = map[string]*Tally{}
	for _, r := range asks {
		t := newTally()
		t.Used = r.used()
		for _, w := range workers {
			t.merge(w.tallies[r.number])
		}
		result.Asks[r.ask.Name] = t
	}
	return result, nil
}

func (p Plan) prepare() (mixes [][]*request, asks []*request, err error) {
	for _, s := range p.Streams {
		var mix []*request
		for _, a := range s.Mix {
			r, err := prepare(a, p.Addr.String(), len(asks))
			if err != nil {
				return nil, nil, err
			}
			mix, asks = append(mix, r), append(asks, r)
		}
		mixes = append(mixes, mix)
	}
	return mixes, asks, nil
}

// measure starts the workers together and reads the CPU clocks exactly where counting begins and ends.
func (p Plan) measure(ctx context.Context, workers []*worker) (Result, error) {
	grace := p.Grace
	if grace == 0 {
		grace = 5 * time.Second
	}
	c := clock{origin: time.Now(), warm: p.Warm, end: p.Warm + p.For, grace: p.Warm + p.For + grace}
	done := make(chan error, len(workers))
	for _, w := range workers {
		w.clock = c
		go func() { done <- w.run(ctx) }()
	}
	var failed error
	left := len(workers)
	// until waits for a moment, but not longer than the workers work.
	until := func(at time.Duration) {
		timer := time.NewTimer(at - c.now())
		defer timer.Stop()
		for left > 0 {
			select {
			case <-timer.C:
				return
			case err := <-done:
				failed = errors.Join(failed, err)
				left--
			}
		}
	}
	until(c.warm)
	server0, load0, begun := p.cpu(), ownCPU(), c.now()
	until(c.end)
	server1, load1, ended := p.cpu(), ownCPU(), c.now()
	until(c.grace + time.Second)
	failed = errors.Join(failed, ctx.Err())
	if failed == nil && left > 0 {
		failed = errors.New("load: workers did not stop")
	}
	// The workers count by the clock; this goroutine may have read the CPU a little late.
	counted := min(ended, c.end) - c.warm
	late := float64(counted) / float64(max(ended-begun, 1))
	return Result{
		Seconds:   counted.Seconds(),
		ServerCPU: time.Duration(float64(server1-server0) * late),
		LoadCPU:   time.Duration(float64(load1-load0) * late),
	}, failed
}

// cpu is the watched server's time so far; 0 when it is not watched or already gone.
func (p Plan) cpu() time.Duration {
	if p.Watch == 0 {
		return 0
	}
	d, err := proc.CPU(p.Watch)
	if err != nil {
		return 0
	}
	return d
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
