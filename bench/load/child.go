package load

import (
	"context"
	"io"
	"runtime/debug"

	"github.com/countersign-id/countersign/bench/child"
)

// Spawn carries a plan out in a process of its own: the program exe, called with the one argument
// "load", must hand its standard input and output to Serve.
func Spawn(ctx context.Context, exe string, p Plan) (Result, error) {
	return child.Call[Plan, Result](ctx, exe, "load", p)
}

// Serve is the child's side of Spawn: one plan in, one result out.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	// The rows are read once and stay; collecting them over and over would cost the server its cores.
	debug.SetGCPercent(400)
	return child.Answer(in, out, func(p Plan) (Result, error) { return Run(ctx, p) })
}
