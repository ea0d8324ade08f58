package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
)

// refusal is a failure in words for the operator: what is wrong and what to do.
type refusal struct {
	status int // the exit status; 0 means failed
	wrong  string
	try    string // a command or a sentence; may be empty
	cause  error
}

func (r *refusal) Error() string { return r.wrong }

func (r *refusal) Unwrap() error { return r.cause }

// errUnsound ends a command that has printed all there is to say, with status failed.
var errUnsound = errors.New("something is wrong; it was said above")

// fail tells the operator what went wrong and returns the exit status.
func (p *program) fail(err error) int {
	if errors.Is(err, errUnsound) {
		return failed
	}
	r := explain(err)
	fmt.Fprintf(p.err, "countersign: %s\n", r.wrong)
	if r.try != "" {
		fmt.Fprintf(p.err, "try: %s\n", r.try)
	}
	if r.status == done {
		return failed
	}
	return r.status
}

// explain finds the words and the exit status for an error. Whatever is not
// known here is shown as it is: who runs the command line may read the log too.
func explain(err error) *refusal {
	var own *refusal
	var mistakes config.Problems
	var told *countersign.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &mistakes):
		return &refusal{status: off, wrong: "the configuration is off\n  " + strings.ReplaceAll(mistakes.Error(), "\n", "\n  "), try: "countersign config check"}
	case errors.Is(err, context.Canceled):
		return &refusal{wrong: "interrupted"}
	case errors.Is(err, syscall.EADDRINUSE):
		return &refusal{wrong: err.Error(), try: "stop the other server, or choose another address: --set server.listen=127.0.0.1:8450 --set operations.listen=127.0.0.1:8451"}
	case errors.Is(err, syscall.EACCES) && strings.Contains(err.Error(), "listen"):
		return &refusal{wrong: err.Error(), try: "ports below 1024 need a privilege: choose another one, or run setcap cap_net_bind_service=+ep on the program"}
	case errors.Is(err, countersign.ErrOverloaded):
		// Overloaded wraps what the database said, and that is what an operator mends.
		return &refusal{wrong: strings.Replace(err.Error(), countersign.ErrOverloaded.Error()+": ", "", 1), try: "countersign doctor"}
	case errors.As(err, &told):
		return inWords(told)
	}
	return &refusal{wrong: err.Error()}
}

// inWords shows an error of the processes without its path through the program.
func inWords(e *countersign.Error) *refusal {
	r := &refusal{wrong: e.Detail}
	if e.Code == countersign.ErrMalformed.Code {
		r.status = off
	}
	var lines []string
	for _, f := range e.Fields {
		lines = append(lines, f.Field+": "+f.Message)
	}
	switch {
	case len(lines) > 0:
		r.wrong = strings.Join(lines, "\n  ")
	case e.Code == countersign.ErrConflict.Code && e.Detail == "":
		r.wrong, r.try = "someone else changed it at the same moment", "run the command again"
	case e.Detail == "":
		r.wrong = strings.ReplaceAll(e.Code, "_", " ")
	}
	return r
}
