package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/argon"
)

// calibrateCommand measures this machine. It touches no database but one of its
// own, made beside the real one and removed again.
type calibrateCommand struct {
	Target      time.Duration `default:"250ms" placeholder:"TIME" help:"How long one sign-in may take (250ms)."`
	Concurrency int           `placeholder:"N" help:"How many sign in at once (as many as there are cores)."`
	Each        time.Duration `default:"1s" placeholder:"TIME" help:"How long each measurement takes (1s)."`
	JSON        bool          `help:"One JSON document: the machine, what was measured, what is proposed."`
}

// Validate is kong's hook.
func (c calibrateCommand) Validate() error {
	switch {
	case c.Target < 10*time.Millisecond || c.Target > 10*time.Second:
		return errors.New("--target is 10ms to 10s")
	case c.Concurrency < 0 || c.Concurrency > 10000:
		return errors.New("--concurrency is 1 to 10000")
	case c.Each < time.Millisecond || c.Each > time.Minute:
		return errors.New("--each is 1ms to 1m")
	}
	return nil
}

// figure is one thing that was measured.
type figure struct {
	What      string  `json:"what"`
	Callers   int     `json:"callers"`    // how many did it at once
	PerSecond float64 `json:"per_second"` // all callers together
	EachMS    float64 `json:"each_ms"`    // what one took, in milliseconds
}

// calibration is everything calibrate found.
type calibration struct {
	Cores     int      `json:"cores"`
	MemoryMiB int      `json:"memory_mib"` // 0 when it is unknown
	Disk      string   `json:"disk"`       // the folder whose disk was measured
	Measured  []figure `json:"measured"`
	Proposal  proposal `json:"proposal"`
}

// Run measures, proposes and prints.
func (c *calibrateCommand) Run(ctx context.Context, p *program) error {
	conf, err := p.load()
	if err != nil {
		return err
	}
	out := calibration{Cores: runtime.GOMAXPROCS(0), MemoryMiB: memoryMiB()}
	if c.Concurrency == 0 {
		c.Concurrency = out.Cores
	}
	w := bench{ctx: ctx, each: c.Each, now: p.now}
	if err := c.measure(p, w, conf, &out); err != nil {
		return err
	}
	p.progress(c.JSON, "proposal")
	busy := func(params argon.Params) (figure, error) { return w.hash(params, out.Cores) }
	if out.Proposal, err = propose(busy, c.Target, c.Concurrency, out); err != nil {
		return err
	}
	if c.JSON {
		return p.json(out)
	}
	return p.calibration(out, c)
}

func (c *calibrateCommand) measure(p *program, w bench, conf config.Config, out *calibration) error {
	p.progress(c.JSON, "hashing")
	h := conf.Password.Hash
	now := argon.Params{MemoryKiB: uint32(h.MemoryKiB), Time: uint32(h.Time), Threads: uint8(h.Threads)}
	for _, cost := range []struct {
		name string
		argon.Params
	}{{"Argon2id, OWASP's least", least}, {"Argon2id, as configured", now}} {
		if cost.Params == least && len(out.Measured) > 0 {
			break // the default: measured already
		}
		for _, callers := range []int{1, out.Cores} {
			f, err := w.hash(cost.Params, callers)
			if err != nil {
				return err
			}
			f.What = fmt.Sprintf("%s (%d KiB, time %d)", cost.name, cost.MemoryKiB, cost.Time)
			out.Measured = append(out.Measured, f)
		}
	}
	p.progress(c.JSON, "signing")
	signed, err := w.signing()
	if err != nil {
		return err
	}
	p.progress(c.JSON, "durable commits")
	folder, commits, err := w.commits(conf.DataDir)
	out.Disk = folder
	out.Measured = append(append(out.Measured, signed...), commits...)
	return err
}

// progress says on a terminal what takes its time.
func (p *program) progress(quiet bool, what string) {
	if !quiet && terminal(p.err) {
		fmt.Fprintf(p.err, "measuring %s ...\n", what)
	}
}

func (p *program) calibration(out calibration, c *calibrateCommand) error {
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%d cores, %d MiB of memory, disk of %s\n\n", out.Cores, out.MemoryMiB, out.Disk)
	fmt.Fprintln(w, "WHAT\tAT ONCE\tA SECOND\tEACH")
	for _, f := range out.Measured {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%s\n", f.What, f.Callers, f.PerSecond, time.Duration(f.EachMS*float64(time.Millisecond)).Round(time.Microsecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s := out.Proposal
	if !s.Reached {
		fmt.Fprintf(p.out, "\nNo safe parameters stay within %s with %d at once: OWASP's least takes %.0f ms then. It is proposed all the same; wish for more time, or add cores.\n", c.Target, c.Concurrency, s.SignInMS)
	}
	_, err := fmt.Fprintf(p.out, "\nFor a sign-in of %s with %d at once:\n\n%s\n# %.0f ms a hash, %.0f ms a sign-in with %d at once, %.0f sign-ins a second, %d MiB while busy\n# stored hashes are brought up to this at their next sign-in\n",
		c.Target, c.Concurrency, s.Config, s.HashMS, s.SignInMS, c.Concurrency, s.PerSecond, s.BusyMiB)
	return err
}
