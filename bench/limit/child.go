package limit

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/countersign-id/countersign/bench/child"
)

// Order says which limit to measure in a process of its own.
type Order struct {
	Kind    string        `json:"kind"` // "argon2id", "commit group" or "commit single"
	For     time.Duration `json:"for"`
	Hash    Hash          `json:"hash"`    // argon2id
	Callers int           `json:"callers"` // commit group
	Dir     string        `json:"dir"`     // commits: where the database goes; it is made and left there
}

// Spawn measures in a process of its own: exe, called with the argument "limit", must call Serve.
func Spawn(ctx context.Context, exe string, o Order) (Work, error) {
	return child.Call[Order, Work](ctx, exe, "limit", o)
}

// Serve is the child's side of Spawn.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return child.Answer(in, out, func(o Order) (Work, error) { return o.measure(ctx) })
}

func (o Order) measure(ctx context.Context) (Work, error) {
	if o.Kind == "argon2id" {
		return Argon2id(ctx, o.Hash, o.For), nil
	}
	dir, err := os.MkdirTemp(o.Dir, "commits-")
	if err != nil {
		return Work{}, fmt.Errorf("limit: %w", err)
	}
	defer os.RemoveAll(dir)
	c, err := OpenCommits(ctx, dir)
	if err != nil {
		return Work{}, err
	}
	defer c.Close()
	switch o.Kind {
	case "commit group":
		return c.Group(ctx, o.Callers, o.For)
	case "commit single":
		return c.Single(ctx, o.For)
	}
	return Work{}, fmt.Errorf("limit: no kind %q", o.Kind)
}

// BareServer is a process that serves Bare.
type BareServer struct {
	Addr netip.AddrPort
	PID  int
	cmd  *exec.Cmd
	hold io.Closer // it serves until this is closed, so it cannot outlive us
}

// StartBare starts it: exe, called with the arguments "bare" and a file's name, must call RunBare.
func StartBare(exe, bodyFile string) (*BareServer, error) {
	cmd := exec.Command(exe, "bare", bodyFile)
	cmd.Stderr = os.Stderr
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("limit: bare: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("limit: bare: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("limit: bare: %w", err)
	}
	b := &BareServer{PID: cmd.Process.Pid, cmd: cmd, hold: hold}
	line := make([]byte, 64)
	n, _ := out.Read(line) // nothing read makes an address that does not parse
	if b.Addr, err = netip.ParseAddrPort(strings.TrimSpace(string(line[:n]))); err != nil {
		_ = b.Stop()
		return nil, fmt.Errorf("limit: bare: %w", err)
	}
	return b, nil
}

// Stop ends the process and waits for it.
func (b *BareServer) Stop() error {
	_ = b.hold.Close()
	return b.cmd.Wait()
}

// RunBare is the child's side of StartBare: it writes its address and serves until in ends.
func RunBare(ctx context.Context, bodyFile string, in io.Reader, out io.Writer) error {
	body, err := os.ReadFile(bodyFile)
	if err != nil {
		return fmt.Errorf("limit: bare: %w", err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("limit: bare: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return fmt.Errorf("limit: bare: %w", err)
	}
	return ServeBare(ctx, ln, body)
}
