package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/countersign-id/countersign"
)

const (
	// trust is how long a remembered session is believed before it is read again.
	trust = time.Minute
	// lag is how old the news from other nodes may be; when it is older, nothing
	// remembered is believed and every check asks the store.
	lag = 900 * time.Millisecond
)

// memory remembers sessions that were checked. Nothing is ever searched in it:
// what changed is noted by id with a rising mark, and a remembered session read
// before that mark is not believed. So a read that was under way while its
// session ended cannot bring it back.
type memory struct {
	known *otter.Cache[[32]byte, *Known]
	marks atomic.Uint64
	heard atomic.Int64 // when news of other nodes was last complete, Unix microseconds

	mu      sync.RWMutex
	changed map[string]change // by identity and by session id
	some    atomic.Bool       // whether changed holds anything, so that the usual check takes no lock

	touching sync.Mutex
	touched  map[[32]byte]countersign.Session

	hits, misses atomic.Uint64
}

type change struct {
	mark uint64
	at   time.Time
}

func newMemory(size int) *memory {
	return &memory{
		known:   otter.Must(&otter.Options[[32]byte, *Known]{MaximumSize: size}),
		changed: map[string]change{},
		touched: map[[32]byte]countersign.Session{},
	}
}

// mark is taken before a session is read from the store.
func (m *memory) mark() uint64 { return m.marks.Load() }

func (m *memory) keep(hash [32]byte, k *Known) { m.known.Set(hash, k) }

// recall returns what is remembered of the session and may still be believed.
func (m *memory) recall(hash [32]byte, now time.Time) *Known {
	if now.UnixMicro()-m.heard.Load() > lag.Microseconds() {
		m.misses.Add(1)
		return nil
	}
	k, ok := m.known.GetIfPresent(hash)
	if !ok || now.Sub(k.loaded) > trust || m.some.Load() && m.stale(k) {
		m.misses.Add(1)
		return nil
	}
	m.hits.Add(1)
	return k
}

// stale says whether the session or its identity changed after it was read.
func (m *memory) stale(k *Known) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if c, ok := m.changed[string(k.Identity.ID)]; ok && k.mark < c.mark {
		return true
	}
	c, ok := m.changed[string(k.Session.ID)]
	return ok && k.mark < c.mark
}

// forget notes that what was read before now is not to be believed. The remembered
// entry itself stays: finding all of an identity would need a second index, and a
// note costs the same however many sessions there are.
func (m *memory) forget(id string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed[id] = change{m.marks.Add(1), now}
	m.some.Store(true)
}

// prune drops notes that are older than anything that is still believed.
func (m *memory) prune(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, c := range m.changed {
		if now.Sub(c.at) > 2*trust {
			delete(m.changed, id)
		}
	}
	m.some.Store(len(m.changed) > 0)
}

// touch notes that the session was seen, to be written later.
func (m *memory) touch(hash [32]byte, k *Known, now time.Time) countersign.Session {
	s := k.Session
	s.Hash, s.LastSeenAt = hash, now
	m.touching.Lock()
	defer m.touching.Unlock()
	m.touched[hash] = s
	return s
}

// taken returns what was touched since the last call.
func (m *memory) taken() []countersign.Session {
	m.touching.Lock()
	defer m.touching.Unlock()
	if len(m.touched) == 0 {
		return nil
	}
	out := make([]countersign.Session, 0, len(m.touched))
	for _, s := range m.touched {
		out = append(out, s)
	}
	m.touched = map[[32]byte]countersign.Session{}
	return out
}
