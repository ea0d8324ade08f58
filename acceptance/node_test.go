package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// node is one running countersign process.
type node struct {
	t    testing.TB
	args []string // its settings, also for the command line beside it
	set  []string // those that this test gave
	data string
	addr string // host:port
	url  string
	ops  string
	said *record
	cmd  *exec.Cmd
	end  chan error

	lax  bool          // a panic or an internal error in the log is expected
	took time.Duration // from exec until ready
	dead bool
}

// record keeps everything a process said.
type record struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}

// cheap makes hashes quick and lifts the limits that a test is not about.
func cheap() []string {
	return []string{"password.hash.memory_kib=8192", "password.hash.time=1", "password.queue=4096", "password.queue_wait=30s",
		"limits.sign_up_per_network=1000000/1h", "limits.send_per_network=1000000/1h", "limits.send_per_address=1000000/1h",
		"limits.attempts_per_network=1000000/1m", "limits.guesses_per_network=1000000/1h", "log.format=text"}
}

// serve starts a node on SQLite in a new folder.
func serve(t testing.TB, set ...string) *node {
	t.Helper()
	return serveIn(t, t.TempDir(), set...)
}

// serveIn starts a node on the data folder.
func serveIn(t testing.TB, data string, set ...string) *node {
	t.Helper()
	n := &node{t: t, data: data, set: set, addr: free(t), ops: free(t)}
	_, port, _ := net.SplitHostPort(n.addr)
	n.url = "http://localhost:" + port
	n.args = []string{"--data", data}
	for _, s := range append(append(cheap(), "server.listen="+n.addr, "server.public_url="+n.url, "operations.listen="+n.ops), set...) {
		n.args = append(n.args, "--set", s)
		if u, ok := strings.CutPrefix(s, "server.public_url="); ok {
			n.url = u
		}
	}
	n.start()
	t.Cleanup(n.over)
	return n
}

// free finds a port that nobody uses now.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the process and waits until it says that it is ready.
func (n *node) start() {
	n.t.Helper()
	n.said, n.end, n.dead = &record{}, make(chan error, 1), false
	n.cmd = exec.Command(os.Getenv("ACCEPTANCE_BINARY"), append([]string{"serve"}, n.args...)...)
	n.cmd.Stdout, n.cmd.Stderr = n.said, n.said
	n.cmd.Dir = n.data
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() { n.end <- n.cmd.Wait() }()
	if !within(20*time.Second, func() bool { return n.ready() || len(n.end) > 0 }) || len(n.end) > 0 {
		n.dead = len(n.end) > 0
		n.t.Fatalf("not ready: %s", n.said)
	}
	n.took = time.Since(began)
}

func (n *node) ready() bool { return n.operations("/readyz") == http.StatusOK }

// operations asks the operations listener; 0 when nobody answers.
func (n *node) operations(path string) int {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + n.ops + path)
	if err != nil {
		return 0
	}
	r.Body.Close()
	return r.StatusCode
}

// kill ends the process as a power cut would, and waits until it is gone.
func (n *node) kill() {
	n.t.Helper()
	if n.dead {
		return
	}
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	<-n.end
	n.dead = true
}

// stop ends the process as an init system does; it must end well.
func (n *node) stop() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	select {
	case err := <-n.end:
		n.dead = true
		if err != nil {
			n.t.Errorf("after SIGTERM: %v", err)
		}
	case <-time.After(15 * time.Second):
		n.kill()
		n.t.Error("still there 15 s after SIGTERM")
	}
}

// over ends the node with its test. Whatever the test was about, no process may
// have panicked, died by itself or met an error that nobody foresaw.
func (n *node) over() {
	if !n.dead {
		select {
		case err := <-n.end:
			n.dead = true
			n.t.Errorf("the process ended by itself: %v", err)
		default:
			n.kill()
		}
	}
	log := n.said.String()
	for _, bad := range []string{"panic", "fatal error:", "DATA RACE", "msg=unexpected", "level=ERROR"} {
		if i := strings.Index(log, bad); i >= 0 && !n.lax {
			n.t.Errorf("the log says %q: %.2000s", bad, log[max(0, i-200):])
			break
		}
	}
}

// cli runs another command on the same data and settings, while the server runs.
func (n *node) cli(args ...string) (string, error) {
	return n.cliWith("", args...)
}

func (n *node) cliWith(input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv("ACCEPTANCE_BINARY"), append(args, n.args...)...)
	cmd.Stdin, cmd.Dir = strings.NewReader(input), n.data
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%v: %w: %s", args, err, errs.String())
	}
	return out.String(), nil
}

// must runs a command that has to succeed.
func (n *node) must(args ...string) string {
	n.t.Helper()
	out, err := n.cli(args...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}
