package argon

import (
	"runtime/debug"
	"sync"
	"time"
)

// Arenas is the memory that hashes run in, kept between hashes: fresh memory costs a page fault for every 4 KiB and a
// third of the rate. NewArenas gives one that keeps some; the zero value keeps none and takes new memory each
// time. Its methods may be called at once from many goroutines.
//
// Memory is not cleared between hashes when there were two passes or more: by then every block depends on a
// whole pass, so that testing a guess against what is left costs at least half of testing it against the
// stored tag, while clearing costs a fifth of the rate. After a single pass it is cleared, for its first blocks
// would be a cheap test.
type Arenas struct {
	kept   int // blocks in one kept arena
	idle   time.Duration
	places chan struct{}
	large  sync.Mutex // held by the one hash that needs more than a kept arena

	mu    sync.Mutex
	free  [][]block
	timer *time.Timer
}

// NewArenas keeps at most most arenas for hashes of the cost p, and gives them back to the system after idle without a
// hash. A hash that finds all in use waits: the caller (internal/gate) sees to it that none has to. A hash
// that needs more than p gives, as one imported from elsewhere may, takes memory of its own, one such at a time.
// The most it holds is therefore most·p.MemoryKiB, and beside it one hash of at most MaxMemoryKiB.
func NewArenas(most int, p Params, idle time.Duration) *Arenas {
	return &Arenas{kept: p.orDefault().blocks(), idle: idle, places: make(chan struct{}, most)}
}

func (a *Arenas) key(password, salt []byte, p Params, n uint32) []byte {
	need := p.blocks()
	if a.places == nil {
		return deriveKey(make([]block, need), input{password: password, salt: salt}, p, n)
	}
	a.places <- struct{}{}
	defer func() { <-a.places }()
	if need > a.kept {
		a.large.Lock()
		defer a.large.Unlock()
		return deriveKey(make([]block, need), input{password: password, salt: salt}, p, n)
	}
	arena := a.take()
	defer a.put(arena)
	if p.Time == 1 {
		defer clear(arena[:need])
	}
	return deriveKey(arena[:need], input{password: password, salt: salt}, p, n)
}

func (a *Arenas) take() []block {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := len(a.free) - 1
	if last < 0 {
		return pages(a.kept)
	}
	arena := a.free[last] // the one used last is the one the caches know
	a.free[last] = nil
	a.free = a.free[:last]
	return arena
}

func (a *Arenas) put(arena []block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free = append(a.free, arena)
	if a.idle <= 0 {
		return
	}
	if a.timer == nil {
		a.timer = time.AfterFunc(a.idle, a.Release)
		return
	}
	a.timer.Reset(a.idle)
}

// Release gives the memory of all arenas that are not in use back to the system.
func (a *Arenas) Release() {
	a.mu.Lock()
	free := a.free
	a.free = nil
	a.mu.Unlock()
	for _, arena := range free {
		unpage(arena)
	}
	if len(free) > 0 {
		debug.FreeOSMemory() // what the requests around the hashes took; the collector alone would take minutes on an idle server
	}
}
