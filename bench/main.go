// Command bench measures Countersign against what this machine can do at best, and prints a table.
//
// It builds the program, fills databases, starts servers on random loopback ports and brings its own
// load generator, so nothing has to be installed. It calls itself for everything that must not share a
// process with something else: `bench load`, `bench fill`, `bench limit`, `bench inside`,
// `bench passkey` and `bench bare` are those children and are of no use by hand. It is not part of the product.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/countersign-id/countersign/bench/fill"
	"github.com/countersign-id/countersign/bench/inside"
	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/passkey"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "load":
		return load.Serve(ctx, os.Stdin, os.Stdout)
	case "fill":
		return fill.Serve(ctx, os.Stdin, os.Stdout)
	case "inside":
		return inside.Serve(ctx, os.Stdin, os.Stdout)
	case "passkey":
		return passkey.Serve(ctx, os.Stdin, os.Stdout)
	case "limit":
		return limit.Serve(ctx, os.Stdin, os.Stdout)
	case "bare":
		if len(args) != 2 {
			return fmt.Errorf("bare needs the file whose content it answers with")
		}
		return limit.RunBare(ctx, args[1], os.Stdin, os.Stdout)
	}
	return run(ctx, args)
}
