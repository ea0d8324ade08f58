package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestTwoNodesAreOne(t *testing.T) {
	t.Parallel()
	nodes := pair(t)
	a, b := nodes[0], nodes[1]
	begun := a.call("POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": "ada@example.com", "issue": "session_token", "evidence": passwordOf(goodPassword)})
	l := b.mail("ada@example.com", 0)
	token := b.evidence(begun.get("id"), codeOf(l.code())).get("session_token")
	if token == "" || !a.alive(token) || !b.alive(token) {
		t.Fatal("signed up on one, proved on the other: no session on both")
	}
	if n := a.call("PATCH", "/v1/account", token, object{"name": "Ada of two houses"}); n.status != 200 {
		t.Fatal(n)
	}
	if !within(lag, func() bool {
		return b.call("GET", "/v1/session", token, nil).get("identity.name") == "Ada of two houses"
	}) {
		t.Error("the other node shows the old name after a second")
	}
	open := b.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": "ada@example.com", "issue": "session_token"}).get("id")
	if in := a.evidence(open, passwordOf(goodPassword)); in.get("session_token") == "" {
		t.Errorf("begun on one, answered on the other: %s", in)
	}
	a.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "ada@example.com"})
	link := b.mail("ada@example.com", 1).token()
	page := a.browser()
	if got := page.post("/verify", form("token", link)); got.status != 303 {
		t.Errorf("mailed by one, followed on the other: %d", got.status)
	}
	b.call("DELETE", "/v1/session", token, nil)
	if !within(lag, func() bool { return !a.alive(token) }) {
		t.Error("signed out on one, alive on the other")
	}
	a.sound()
}

// TestARollingRestartIsNotSeen restarts one node after the other. A client that
// knows both and retries once on the other sees no error.
func TestARollingRestartIsNotSeen(t *testing.T) {
	t.Parallel()
	nodes := pair(t)
	token := nodes[0].signUp("ada@example.com")
	stop := make(chan struct{})
	var asked, failed atomic.Int64
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			c := client(4)
			for i := w; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ask := func(n *node) answer {
					if i%4 == 0 {
						return n.callBy(c, "POST", "/v1/attempts", "", signIn("ada@example.com", goodPassword))
					}
					return n.callBy(c, "GET", "/v1/session", token, nil)
				}
				asked.Add(1)
				first := ask(nodes[i%2])
				if first.ok() {
					continue
				}
				if second := ask(nodes[(i+1)%2]); !second.ok() {
					failed.Add(1)
					t.Errorf("%s, then on the other node %s", first, second)
				}
			}
		})
	}
	for range 2 {
		for _, n := range nodes {
			n.stop()
			n.start()
		}
	}
	nodes[1].kill() // and a node that is lost
	nodes[1].start()
	close(stop)
	all.Wait()
	t.Logf("%d requests through four restarts and a kill, %d failed twice", asked.Load(), failed.Load())
	nodes[0].sound()
}

func TestTermDrainsAndLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	n := serve(t, "password.hash.memory_kib=65536", "password.hash.time=8")
	var met, ended atomic.Int64
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			met.Add(1)
			if n.signIn(fmt.Sprintf("nobody%d@example.com", i), "some password of nobody").status == 401 {
				ended.Add(1)
			}
		})
	}
	slow, err := net.Dial("tcp", n.addr) // a request whose body comes while the server drains
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	body := `{"purpose":"recover","identifier":"nobody@example.com"}`
	fmt.Fprintf(slow, "POST /v1/attempts HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", strings.TrimPrefix(n.url, "http://"), len(body), body[:20])
	within(100*time.Millisecond, func() bool { return false }) // until all are inside
	began := time.Now()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(50*time.Millisecond, func() bool { return false })
	io.WriteString(slow, body[20:])
	slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, _ := io.ReadAll(slow)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 2") {
		t.Errorf("the request in flight got %.100q", answer)
	}
	all.Wait()
	if ended.Load() != 4 {
		t.Errorf("%d of 4 sign-ins in flight were answered", ended.Load())
	}
	select {
	case err := <-n.end:
		if n.dead = true; err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(12 * time.Second):
		t.Fatal("still there 12 s after SIGTERM")
	}
	t.Logf("ended after %v", time.Since(began).Round(time.Millisecond))
	for _, addr := range []string{n.addr, n.ops} {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s is still open", addr)
		}
	}
	n.start()
	n.sound()
	n.stop()
}

// TestNobodyEntersThroughABrokenStart breaks each thing a start needs: the server
// must not run rather than run without it.
func TestNobodyEntersThroughABrokenStart(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	n.stop()
	for what, set := range map[string]string{
		"another key":           "keys.seal=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
		"half a key":            "keys.seal=MDEy",
		"no key file":           "keys.seal=file:/nowhere/key",
		"http on a real host":   "server.public_url=http://id.example.com",
		"a clock for real":      "server.public_url=https://id.example.com --set server.insecure_clock_offset=1h",
		"proxies of the world":  "proxy.trusted=everyone",
		"an unknown key":        "password.pepperr=x",
		"no hash to speak of":   "password.hash.memory_kib=1",
		"a certificate in half": "server.tls.cert=/nowhere/cert.pem",
		"a database elsewhere":  "database.url=postgres://nobody:secret-of-the-url@127.0.0.1:1/none",
	} {
		args := []string{"serve"}
		args = append(args, n.args...)
		for s := range strings.SplitSeq(set, " --set ") {
			args = append(args, "--set", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		cmd := exec.CommandContext(ctx, os.Getenv("ACCEPTANCE_BINARY"), args...)
		cmd.Dir = n.data
		said, err := cmd.CombinedOutput()
		served := err == nil || ctx.Err() != nil
		if cancel(); served {
			t.Errorf("%s: it serves: %s", what, said)
		} else if bytes.Contains(said, []byte("secret-of-the-url")) || bytes.Contains(said, []byte("MDEyMzQ1")) {
			t.Errorf("%s: the message tells the secret", what)
		}
	}
}
