package scenario

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/proc"
	"github.com/countersign-id/countersign/bench/table"
)

const (
	floodFor    = 10 * time.Second
	floodTimes  = 10  // what is offered, in capacities
	floodChecks = 500 // session checks a second beside it: modest, so that they wait for the flood and not for each other
	floodLines  = 1024
)

// flood offers ten times the sign-ins the machine can do, in an open loop that does not wait for
// answers, and looks at what becomes of everybody else.
func (b *Bench) flood(ctx context.Context) (_ []table.Row, err error) {
	// A fresh process, so that its memory tells of the flood and not of what ran before.
	// Our lines are opened at once and some are used late, which the product takes for a slow client and closes.
	h, err := b.build(ctx, "flood", warmSessions, warmSessions, "server.read_header_timeout=1m")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Stop()) }()
	capacity, err := b.capacity(ctx, h)
	if err != nil {
		return nil, err
	}
	quiet, err := load.Spawn(ctx, b.Exe, h.steadyChecks(floodFor/2))
	if err != nil {
		return nil, err
	}
	if err := proc.ForgetPeak(h.PID); err != nil {
		return nil, err
	}
	checks, flood, err := b.together(ctx, h, capacity)
	if err != nil {
		return nil, err
	}
	memory, err := proc.ReadMemory(h.PID)
	if err != nil {
		return nil, err
	}
	rows := floodRows(quiet.Asks["check"], checks.Asks["check"], flood.Asks["sign-in"], floodTimes*capacity)
	return append(rows, b.memoryRow(memory)), nil
}

// capacity is how many sign-ins a second succeed. Refusals are no error here: with its own settings the
// product may refuse on a machine that is busy with something else, and what it can do is then less.
func (b *Bench) capacity(ctx context.Context, h *house) (float64, error) {
	r, err := load.Spawn(ctx, b.Exe, b.signIns(h))
	if err != nil {
		return 0, err
	}
	n := r.Asks["sign-in"].Count(200, 201)
	if n == 0 {
		return 0, errNothing
	}
	return float64(n) / r.Seconds, nil
}

// together runs the flood and the checks in two processes, so that neither waits for the other's.
func (b *Bench) together(ctx context.Context, h *house, capacity float64) (checks, flood load.Result, err error) {
	login := askSignIn(h)
	plan := load.Plan{
		Addr: h.Addr, Watch: h.PID, Warm: time.Second, For: floodFor, Workers: 1,
		Streams: []load.Stream{{Name: "flood", Connections: floodLines, Sources: floodLines, Rate: floodTimes * capacity, Mix: []load.Ask{login}}},
	}
	done := make(chan error, 1)
	go func() {
		var err error
		flood, err = load.Spawn(ctx, b.Exe, plan)
		done <- err
	}()
	checks, err = load.Spawn(ctx, b.Exe, h.steadyChecks(floodFor))
	return checks, flood, errors.Join(err, <-done)
}

func (h *house) steadyChecks(d time.Duration) load.Plan {
	return load.Plan{
		Addr: h.Addr, Watch: h.PID, Warm: time.Second, For: d, Workers: 1,
		Streams: []load.Stream{{Name: "check", Connections: callers, Rate: floodChecks, Mix: []load.Ask{askCheck(load.Values{File: h.Tokens, Take: warmSessions})}}},
	}
}

func floodRows(quiet, checks, flood *load.Tally, offered float64) []table.Row {
	idle, busy, refused := quiet.Latency(200), checks.Latency(200), flood.Latency(503)
	failed := checks.CountOther(200) + checks.Lost()
	during := latencies(table.Row{
		What: "session check during a sign-in flood, p99", Unit: " ms", Ours: ms(busy.Quantile(0.99)), Limit: ms(idle.Quantile(0.99)),
		Against: "its own p99 without the flood",
		Note:    fmt.Sprintf("%.0f sign-ins/s offered, %d checks/s; %d checks failed", offered, floodChecks, failed),
	}, busy)
	share := during.Ours / during.Limit
	during.Ratio = table.Spread{Median: share, Min: share, Max: share}
	told := latencies(table.Row{
		What: "refused sign-in during the flood, p99", Unit: " ms", Ours: ms(refused.Quantile(0.99)),
		Note: fmt.Sprintf("%d let in, %d refused with 503, %d answered otherwise %v, %d cut off, %d never answered, %d never sent",
			flood.Count(200, 201), refused.Count(), flood.CountOther(200, 201, 503), flood.Other(200, 201, 503), flood.Broken, flood.Unanswered, flood.Unsent),
	}, refused)
	return []table.Row{
		during.Judge("≤ 10 ms and ≤ 5 × idle", failed == 0 && during.Ours <= 10 && share <= 5),
		told.Judge("≤ 50 ms", refused.Count() > 0 && flood.Lost() == 0 && told.Ours <= 50),
	}
}

// memoryRow judges the peak by what was granted: the idle process, one hash per core (the default of
// password.max_memory), and the buffers that net/http and the kernel's accounting give each connection.
func (b *Bench) memoryRow(memory proc.Memory) table.Row {
	const idle, perConnection = 32, 64. / 1024 // MiB
	hashes := float64(runtime.NumCPU()) * float64(b.Hash.MemoryKiB) / 1024
	granted := idle + hashes + perConnection*(floodLines+callers)
	row := table.Row{
		What: "resident memory during the flood, peak", Unit: " MiB", Ours: mib(memory.Peak), Limit: granted,
		Note: fmt.Sprintf("limit: %d MiB idle, %.0f MiB for one hash per core, 64 KiB for each of %d connections", idle, hashes, floodLines+callers),
	}
	return row.Judge("≤ limit", row.Ours <= row.Limit)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
