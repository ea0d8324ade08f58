// Package child lets a program call itself in a new process: one JSON value in, one JSON value out.
//
// The benchmark does so for everything it measures, so that no measurement shares a heap, a garbage
// collector or a CPU clock with another.
package child

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Call runs the program exe with the one argument name, hands it in as JSON on standard input, and
// decodes what it wrote to standard output. Its standard error is ours. It is killed when ctx ends.
func Call[In, Out any](ctx context.Context, exe, name string, in In) (out Out, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("child %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, exe, name)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(b), os.Stderr
	if b, err = cmd.Output(); err != nil {
		return out, fmt.Errorf("child %s: %w", name, err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return out, fmt.Errorf("child %s: answer: %w", name, err)
	}
	return out, nil
}

// Answer is the other side of Call: it decodes one value, acts on it, and writes the outcome.
func Answer[In, Out any](r io.Reader, w io.Writer, act func(In) (Out, error)) error {
	var in In
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return fmt.Errorf("child: question: %w", err)
	}
	out, err := act(in)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(out)
}
