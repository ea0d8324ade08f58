package limit

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/countersign-id/countersign/bench/proc"
)

// Work is how often something was done, in how long, at what CPU time of the whole process.
type Work struct {
	Done    int           `json:"done"`
	Seconds float64       `json:"seconds"`
	CPU     time.Duration `json:"cpu"`
}

// Hash holds Argon2id parameters (RFC 9106).
type Hash struct {
	MemoryKiB uint32 `json:"memory_kib"`
	Passes    uint32 `json:"passes"`
	Lanes     uint8  `json:"lanes"`
}

// Argon2id hashes with one goroutine per core for about the given time. More at once is slower: 64
// unbounded calls reach a fifth of this rate, because fresh memory costs page faults.
func Argon2id(ctx context.Context, h Hash, d time.Duration) Work {
	password, salt := []byte("correct horse battery staple"), make([]byte, 16)
	return Repeat(ctx, runtime.NumCPU(), d, func() error {
		argon2.IDKey(password, salt, h.Passes, h.MemoryKiB, h.Lanes, 32)
		return nil
	})
}

// Repeat calls act from so many goroutines until the time is over or act fails; every goroutine ends
// the call it is in, and the clock runs until the last has, so no work is counted for free.
func Repeat(ctx context.Context, callers int, d time.Duration, act func() error) Work {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	begun, cpu := time.Now(), processCPU()
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				if act() != nil {
					cancel()
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return Work{Done: int(done.Load()), Seconds: time.Since(begun).Seconds(), CPU: processCPU() - cpu}
}

// processCPU is 0 where there is no /proc: the rate is then all there is.
func processCPU() time.Duration {
	d, err := proc.CPU(os.Getpid())
	if err != nil {
		return 0
	}
	return d
}
