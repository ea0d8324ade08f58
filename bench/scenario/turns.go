package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/table"
)

// sample is one measurement of one side.
type sample struct {
	rate    float64 // done per second
	cpu     float64 // server CPU per request, µs
	latency *load.Histogram
	used    int // rows taken
}

// measure is one side of a comparison, taken once per round.
type measure func(context.Context) (sample, error)

// interleave takes turns, ours first, and returns each side's samples.
func interleave(ctx context.Context, rounds int, sides ...measure) ([][]sample, error) {
	out := make([][]sample, len(sides))
	for range rounds {
		for i, side := range sides {
			s, err := side(ctx)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], s)
		}
	}
	return out, nil
}

// compare makes a row of ours against a limit: ratio round by round, everything else as medians.
func compare(what string, ours, limit []sample) table.Row {
	row := table.Row{
		What: what, Unit: "/s",
		Ours: median(ours, func(s sample) float64 { return s.rate }), Limit: median(limit, func(s sample) float64 { return s.rate }),
		CPU: median(ours, func(s sample) float64 { return s.cpu }), LimitCPU: median(limit, func(s sample) float64 { return s.cpu }),
	}
	var ratios []float64
	for i := range min(len(ours), len(limit)) {
		ratios = append(ratios, ours[i].rate/limit[i].rate)
	}
	row.Ratio = table.NewSpread(ratios)
	whole := new(load.Histogram)
	for _, s := range ours {
		if s.latency != nil {
			whole.Merge(s.latency)
		}
	}
	return latencies(row, whole)
}

func latencies(row table.Row, h *load.Histogram) table.Row {
	row.P50, row.P99, row.P100 = ms(h.Quantile(0.5)), ms(h.Quantile(0.99)), ms(h.Quantile(1))
	return row
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(samples []sample, of func(sample) float64) float64 {
	var seen []float64
	for _, s := range samples {
		seen = append(seen, of(s))
	}
	return table.NewSpread(seen).Median
}

var errNothing = errors.New("nothing was answered")

// offer runs a plan whose every answer must be a success: a refusal would count as a fast answer.
func (b *Bench) offer(ctx context.Context, p load.Plan) (sample, error) {
	r, err := load.Spawn(ctx, b.Exe, p)
	if err != nil {
		return sample{}, err
	}
	s := sample{latency: new(load.Histogram)}
	for name, t := range r.Asks {
		if bad := t.Other(200, 201); len(bad) > 0 || t.Lost() > 0 {
			return sample{}, fmt.Errorf("%s: %d answers with the statuses %v and %d without an answer, beside %d good ones",
				name, t.CountOther(200, 201), bad, t.Lost(), t.Count(200, 201))
		}
		s.latency.Merge(t.Latency())
		s.used += t.Used
	}
	n := float64(s.latency.Count())
	if n == 0 {
		return sample{}, errNothing
	}
	s.rate, s.cpu = n/r.Seconds, float64(r.ServerCPU.Microseconds())/n
	return s, nil
}

// work turns a limit that is not HTTP into a sample.
func (b *Bench) work(ctx context.Context, o limit.Order) (sample, error) {
	return worked(limit.Spawn(ctx, b.Exe, o))
}

func worked(w limit.Work, err error) (sample, error) {
	if err != nil {
		return sample{}, err
	}
	if w.Done == 0 {
		return sample{}, errNothing
	}
	return sample{rate: float64(w.Done) / w.Seconds, cpu: float64(w.CPU.Microseconds()) / float64(w.Done)}, nil
}

// rawHash is the limit of everything that checks or makes one password hash.
func (b *Bench) rawHash(ctx context.Context) (sample, error) {
	return b.work(ctx, limit.Order{Kind: "argon2id", For: b.Window, Hash: b.Hash})
}
