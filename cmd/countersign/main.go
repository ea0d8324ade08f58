// Command countersign is the server and everything an operator does to it.
//
// It owns the words of the command line: reading them, answering on a terminal
// or as JSON, and exit statuses. What the words do is done by package server
// and the processes it wires; nothing is decided here.
//
// Exit statuses: 0 it is done, 1 it failed, 2 the words or the configuration
// are off. Answers go to standard output, everything else to standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

func main() {
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ(), now: time.Now}
	os.Exit(p.run(context.Background(), os.Args[1:]))
}

// The exit statuses.
const (
	done   = 0
	failed = 1
	off    = 2
)

// program is one run of the command line and what it was given from outside.
type program struct {
	in  *os.File
	out io.Writer
	err io.Writer
	env []string
	now func() time.Time

	words words
}

// run reads the words, does what they say and returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	k, err := p.grammar()
	if err != nil {
		return p.fail(err)
	}
	if len(args) == 0 {
		p.help(p.err, k.Model.Node)
		return off
	}
	parsed, err := k.Parse(args)
	if wrong := (*kong.ParseError)(nil); errors.As(err, &wrong) {
		return p.refuse(k, wrong)
	}
	if err != nil {
		return p.fail(err)
	}
	ctx, stop := p.endings(ctx)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(p); err != nil {
		return p.fail(err)
	}
	return done
}

// endings asks every command to end well at the first signal, and ends the
// process at the second. Both are kept until they are looked at, however soon the
// second follows.
func (p *program) endings(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
			return
		}
		<-signals
		fmt.Fprintln(p.err, "countersign: stopped at once, as asked twice; what was acknowledged is kept")
		os.Exit(failed)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// refuse says what is wrong with the words, or gives the help they ask for.
func (p *program) refuse(k *kong.Kong, wrong *kong.ParseError) int {
	node := k.Model.Node
	if wrong.Context != nil && wrong.Context.Selected() != nil {
		node = wrong.Context.Selected()
	}
	if errors.Is(wrong, errHelp) {
		p.help(p.out, node)
		return done
	}
	return p.fail(&refusal{status: off, wrong: wrong.Error(), try: node.FullPath() + " --help"})
}
