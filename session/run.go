package session

import (
	"context"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	// With lag, and a read that takes its time, an end elsewhere is known within a second.
	listenEvery = 200 * time.Millisecond
	// A kill loses at most this of "last seen", which is exact to ten minutes anyway.
	flushEvery  = 5 * time.Second
	flushAtOnce = 1000 // rows in one transaction, so that other writers get their turn
	// lookBack covers transactions that commit after a later one, and clocks that differ.
	lookBack = 15 * time.Second
)

// Run listens for what other nodes (and the command line) change, and writes
// behind when sessions were last seen. It returns when ctx is done, after a last write.
func (s *Sessions) Run(ctx context.Context) {
	listen, flush := time.NewTicker(listenEvery), time.NewTicker(flushEvery)
	defer listen.Stop()
	defer flush.Stop()
	heard := map[place]time.Time{}
	s.listen(ctx, heard)
	for {
		select {
		case <-listen.C:
			s.listen(ctx, heard)
		case <-flush.C:
			s.flush(ctx)
			s.memory.prune(s.now())
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			s.flush(last)
			return
		}
	}
}

// place names one row of the feed.
type place struct {
	chain string
	n     int64
}

// listen hears once what changed elsewhere; heard keeps what was heard before.
func (s *Sessions) listen(ctx context.Context, heard map[place]time.Time) {
	now := s.now()
	// An answer that comes later than lag would be too old to be believed.
	ctx, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	notes, err := s.store.Changes(ctx, now.Add(-lookBack))
	if err != nil {
		return // recall stops believing by itself when the news is old
	}
	for _, n := range notes {
		at := place{n.Chain, n.N}
		if _, again := heard[at]; again {
			continue
		}
		heard[at] = now
		s.Forget(n.Identity, n.Session)
	}
	for at, when := range heard {
		if now.Sub(when) > 2*lookBack {
			delete(heard, at)
		}
	}
	// When it was asked, not when it was answered: what changed in between is not in it.
	s.memory.heard.Store(now.UnixMicro())
}

// flush writes what was seen. What cannot be written now is noted again by the
// next request of that session.
func (s *Sessions) flush(ctx context.Context) {
	all := s.memory.taken()
	for i := range all {
		all[i].IdleExpiresAt = s.idleEnd(all[i])
	}
	for len(all) > 0 {
		n := min(len(all), flushAtOnce)
		if s.store.TouchSessions(ctx, all[:n]) != nil {
			return
		}
		all = all[n:]
	}
}

// idleEnd never lies beyond the absolute end: being used does not make a session older than it may get.
func (s *Sessions) idleEnd(c countersign.Session) time.Time {
	end := c.LastSeenAt.Add(s.idle)
	if end.After(c.ExpiresAt) {
		return c.ExpiresAt
	}
	return end
}

// Stats tells how the memory does: checks answered from it and not, and how
// many sessions it holds.
func (s *Sessions) Stats() (hits, misses uint64, held int) {
	return s.memory.hits.Load(), s.memory.misses.Load(), s.memory.known.EstimatedSize()
}
