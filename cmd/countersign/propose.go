package main

import (
	"fmt"
	"time"

	"github.com/countersign-id/countersign/internal/argon"
)

// least is the weakest that is ever proposed: OWASP's recommendation, 2026.
var least = argon.Params{MemoryKiB: 19456, Time: 2, Threads: 1}

const (
	// enoughMemory is RFC 9106's second recommendation. Beyond it a longer hash
	// gains more by passes than a server loses by memory.
	enoughMemory = 65536
	// memoryShare is how much of the machine hashing may fill: a quarter.
	memoryShare = 4
	// besides is what a sign-in does other than hash: a few statements and one commit.
	besides = 5 * time.Millisecond
)

// proposal is what to write into the configuration.
type proposal struct {
	MemoryKiB int     `json:"memory_kib"`
	Time      int     `json:"time"`
	Threads   int     `json:"threads"`
	Reached   bool    `json:"reached"` // false when even the least is slower than wished
	HashMS    float64 `json:"hash_ms"` // measured with every core busy
	SignInMS  float64 `json:"sign_in_ms"`
	PerSecond float64 `json:"per_second"`
	BusyMiB   int     `json:"busy_mib"`
	Config    string  `json:"config"` // the lines
}

// propose finds the costliest parameters of one lane that keep a sign-in within
// the target while that many happen at once. It scales from a first guess by
// what it measures, because larger memories fit the caches worse.
func propose(measure func(argon.Params) (figure, error), target time.Duration, concurrency int, c calibration) (proposal, error) {
	rounds := max(1, (concurrency+c.Cores-1)/c.Cores) // hashes that wait for one core
	room := max((target-besides)/time.Duration(rounds), time.Millisecond)
	params, got := least, c.Measured[1] // OWASP's least on all cores
	best, bestGot := params, got
	for range 4 {
		next := cost(float64(room)/(got.EachMS*float64(time.Millisecond))*float64(params.MemoryKiB)*float64(params.Time), c)
		if next == params {
			break
		}
		var err error
		if got, err = measure(next); err != nil {
			return proposal{}, err
		}
		params = next
		fits, bestFits := got.EachMS <= ms(room), bestGot.EachMS <= ms(room)
		if fits && (!bestFits || work(params) > work(best)) || !fits && !bestFits && work(params) < work(best) {
			best, bestGot = params, got
		}
	}
	p := proposal{
		MemoryKiB: int(best.MemoryKiB), Time: int(best.Time), Threads: 1, HashMS: bestGot.EachMS,
		SignInMS: bestGot.EachMS*float64(rounds) + ms(besides), PerSecond: bestGot.PerSecond, BusyMiB: int(best.MemoryKiB) * c.Cores >> 10,
	}
	p.Reached = p.SignInMS <= ms(target)*1.1 // a tenth is noise
	p.Config = fmt.Sprintf("[password.hash]\nmemory_kib = %d\ntime = %d\nthreads = 1", p.MemoryKiB, p.Time)
	return p, nil
}

// cost spends a number of KiB-passes: memory first, as far as it may go, then
// passes; never less than the least.
func cost(budget float64, c calibration) argon.Params {
	p := least
	mostMemory := enoughMemory
	if c.MemoryMiB > 0 {
		mostMemory = max(int(least.MemoryKiB), min(mostMemory, c.MemoryMiB<<10/memoryShare/c.Cores))
	}
	memory := min(int(budget)/int(p.Time), mostMemory)
	p.MemoryKiB = uint32(max(memory/1024*1024, int(least.MemoryKiB)))
	p.Time = uint32(min(max(int(budget/float64(p.MemoryKiB)), int(least.Time)), argon.MaxTime))
	return p
}

func work(p argon.Params) int { return int(p.MemoryKiB) * int(p.Time) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
