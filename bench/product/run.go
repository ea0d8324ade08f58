package product

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Running is a serving countersign process.
type Running struct {
	Addr  netip.AddrPort // where people and programs reach it
	PID   int
	Ready time.Duration // from exec to the first "ready"
	done  chan error    // receives its end once
	said  *tail
	proc  *os.Process
}

// Start runs `countersign serve` on data and waits until it says that it is ready. The settings are
// passed on as --set section.key=value; the limits that would stop a benchmark are lifted first.
func Start(ctx context.Context, p Program, data string, settings ...string) (*Running, error) {
	public, err := freePort()
	if err != nil {
		return nil, err
	}
	operations, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--data", data}
	for _, s := range append([]string{
		"server.listen=" + public.String(),
		fmt.Sprintf("server.public_url=http://localhost:%d", public.Port()),
		"operations.listen=" + operations.String(),
		"limits.sign_up_per_network=1000000/1h",
		"limits.send_per_network=1000000/1h",
		"limits.send_per_address=1000000/1h",
		"limits.attempts_per_network=1000000/1m",
		"limits.guesses_per_network=1000000/1h",
	}, settings...) {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(p.Path, args...)
	r := &Running{Addr: public, done: make(chan error, 1), said: &tail{}}
	cmd.Stdout, cmd.Stderr = r.said, r.said
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("product: start: %w", err)
	}
	r.PID, r.proc = cmd.Process.Pid, cmd.Process
	go func() { r.done <- cmd.Wait() }()
	if err := r.await(ctx, operations, begun); err != nil {
		_ = r.proc.Kill()
		return nil, err
	}
	return r, nil
}

// await asks every half millisecond: an answer is then late by less than the noise of an exec.
func (r *Running) await(ctx context.Context, operations netip.AddrPort, begun time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	again := time.NewTicker(500 * time.Microsecond)
	defer again.Stop()
	for {
		if ready(ctx, client, operations) {
			r.Ready = time.Since(begun)
			return nil
		}
		select {
		case err := <-r.done:
			return fmt.Errorf("product: it ended before it was ready: %w\n%s", errors.Join(err, errEnded), r.said)
		case <-ctx.Done():
			return fmt.Errorf("product: not ready: %w\n%s", ctx.Err(), r.said)
		case <-again.C:
		}
	}
}

var errEnded = errors.New("process ended")

func ready(ctx context.Context, client *http.Client, operations netip.AddrPort) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+operations.String()+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Stop asks it to end as an init system does, and waits; it is an error when it does not end well.
func (r *Running) Stop() error {
	if err := r.proc.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("product: stop: %w", err)
	}
	select {
	case err := <-r.done:
		if err != nil {
			return fmt.Errorf("product: stop: %w\n%s", err, r.said)
		}
		return nil
	case <-time.After(15 * time.Second):
		_ = r.proc.Kill()
		return fmt.Errorf("product: still there 15 s after SIGTERM\n%s", r.said)
	}
}

func freePort() (netip.AddrPort, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("product: find a port: %w", err)
	}
	defer ln.Close()
	return netip.ParseAddrPort(ln.Addr().String())
}

// tail keeps the last few kilobytes a process said, for the error message when it fails. Lines that
// name a link with a secret in it are left out.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	if over := len(t.end) - tailBytes; over > 0 {
		// Cut at a line: half a line could hold the secret without the link that gives it away.
		_, t.end, _ = bytes.Cut(t.end[over:], []byte("\n"))
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out strings.Builder
	for line := range bytes.Lines(t.end) {
		if !bytes.Contains(line, []byte("http://")) && !bytes.Contains(line, []byte("https://")) {
			out.Write(line)
		}
	}
	return out.String()
}
