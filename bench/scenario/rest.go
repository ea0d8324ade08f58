package scenario

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/countersign-id/countersign/bench/inside"
	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/proc"
	"github.com/countersign-id/countersign/bench/product"
	"github.com/countersign-id/countersign/bench/table"
)

// How often a start is timed: on an empty folder each needs a new one, on an existing one it is cheap.
const (
	startsEmpty    = 5
	startsExisting = 11
)

// start measures the product at rest: how soon it serves, what it holds, how big it is.
func (b *Bench) start(ctx context.Context) ([]table.Row, error) {
	var empty, existing []float64
	for i := range startsEmpty {
		took, err := b.startOnce(ctx, filepath.Join(b.Dir, fmt.Sprintf("empty-%d", i)))
		if err != nil {
			return nil, err
		}
		empty = append(empty, took)
	}
	used := filepath.Join(b.Dir, "empty-0")
	for range startsExisting {
		took, err := b.startOnce(ctx, used)
		if err != nil {
			return nil, err
		}
		existing = append(existing, took)
	}
	resident, err := b.idle(ctx, used)
	if err != nil {
		return nil, err
	}
	first, again := table.NewSpread(empty), table.NewSpread(existing)
	size := mib(b.Program.Bytes)
	return []table.Row{
		table.Row{What: "exec to ready, existing database", Unit: " ms", Ours: again.Median, Note: spread(again, startsExisting)}.
			Judge("≤ 50 ms", again.Median <= 50),
		table.Row{What: "exec to ready, new database", Unit: " ms", Ours: first.Median, Note: spread(first, startsEmpty)}.
			Judge("≤ 500 ms", first.Median <= 500),
		table.Row{What: "resident memory, idle", Unit: " MiB", Ours: resident, Note: "2 s after it was ready, nothing asked of it"}.
			Judge("≤ 32 MiB", resident <= 32),
		table.Row{What: "size of the binary", Unit: " MiB", Ours: size}.
			Judge("≤ 35 MiB", size <= 35),
	}, nil
}

func spread(s table.Spread, n int) string {
	return fmt.Sprintf("median of %d, %.1f to %.1f ms", n, s.Min, s.Max)
}

func (b *Bench) startOnce(ctx context.Context, data string) (float64, error) {
	r, err := product.Start(ctx, b.Program, data)
	if err != nil {
		return 0, err
	}
	return ms(r.Ready), r.Stop()
}

func (b *Bench) idle(ctx context.Context, data string) (float64, error) {
	r, err := product.Start(ctx, b.Program, data)
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
	}
	m, err := proc.ReadMemory(r.PID)
	return mib(m.Resident), errors.Join(err, r.Stop(), ctx.Err())
}

// commit measures durable sessions: ours from inside the store, with the event that belongs to each,
// against rows that stand alone in a database of the same mode.
func (b *Bench) commit(ctx context.Context) ([]table.Row, error) {
	side := func(kind string) measure {
		return func(ctx context.Context) (sample, error) {
			return b.work(ctx, limit.Order{Kind: kind, For: b.Window, Callers: callers, Dir: b.Dir})
		}
	}
	turns, err := interleave(ctx, b.Rounds, func(ctx context.Context) (sample, error) {
		return worked(inside.Spawn(ctx, b.Exe, inside.Order{Dir: b.Dir, Callers: callers, For: b.Window}))
	}, side("commit group"), side("commit single"))
	if err != nil {
		return nil, err
	}
	ours := compare(fmt.Sprintf("sessions opened from inside, %d callers", callers), turns[0], turns[1])
	ours.Against = "group commit of one row each, SQLite, synchronous=FULL"
	ours.Note = "ours writes the session and its event in the audit chain, the limit one row"
	single := compare("SQLite commits one by one", turns[2], turns[1])
	single.Against = ours.Against
	single.Note = "a limit of the machine, not of the product"
	return []table.Row{ours.Judge("≥ 0.60", ours.Ratio.Median >= 0.60), single}, nil
}
