package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/product"
	"github.com/countersign-id/countersign/bench/scenario"
	"github.com/countersign-id/countersign/bench/table"
)

type options struct {
	only     string
	seconds  float64
	rounds   int
	stored   int
	dir      string
	binary   string
	json     string
	markdown string
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.only, "only", "", "scenarios to run, parted by commas: "+strings.Join(scenario.Names(), ", "))
	f.Float64Var(&o.seconds, "seconds", 2, "length of each single measurement")
	f.IntVar(&o.rounds, "rounds", 5, "turns that we and the limit take")
	f.IntVar(&o.stored, "sessions", 1_000_000, "sessions in the big database")
	f.StringVar(&o.dir, "dir", "", "where the scratch folder goes; it should be on the disk to be measured")
	f.StringVar(&o.binary, "binary", "", "an already built program to measure, perhaps an older one")
	f.StringVar(&o.json, "json", "", "file to write the result to as JSON")
	f.StringVar(&o.markdown, "markdown", "", "file to write the table to as Markdown")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	}
	for _, name := range o.scenarios() {
		if !slices.Contains(scenario.Names(), name) {
			return o, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(scenario.Names(), ", "))
		}
	}
	if o.seconds <= 0 || o.rounds < 1 || o.stored < 10_000 {
		return o, errors.New("-seconds and -rounds must be positive, -sessions at least 10000")
	}
	return o, nil
}

func (o options) scenarios() []string {
	if o.only == "" {
		return nil
	}
	return strings.Split(o.only, ",")
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "countersign-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	found := describe(ctx)
	b, err := o.bench(ctx, dir)
	if err != nil {
		return err
	}
	// What was measured before an error is still worth printing.
	rows, failed := b.Run(ctx, o.scenarios()...)
	found.Rows = rows
	return errors.Join(failed, found.Text(os.Stdout), save(o.json, found.JSON), save(o.markdown, found.Markdown))
}

func (o options) bench(ctx context.Context, dir string) (*scenario.Bench, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := o.program(ctx, dir)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	return &scenario.Bench{
		Exe: exe, Program: program, Dir: dir,
		Window: time.Duration(o.seconds * float64(time.Second)), Rounds: o.rounds, Stored: o.stored,
		Hash: limit.Hash{MemoryKiB: 19456, Passes: 2, Lanes: 1},
		Say: func(what string) {
			fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(begun).Seconds(), what)
		},
	}, nil
}

func (o options) program(ctx context.Context, dir string) (product.Program, error) {
	if o.binary != "" {
		return product.Built(o.binary)
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return product.Program{}, err
	}
	return product.Build(ctx, root, dir)
}

// save writes to a file, or does nothing when there is none to write to.
func save(file string, write func(io.Writer) error) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func describe(ctx context.Context) table.Table {
	return table.Table{Date: time.Now(), Commit: commit(ctx), Machine: machine(), Go: goVersion(), Load: loadAverage()}
}
