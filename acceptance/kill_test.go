package acceptance

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign/internal/testpg"
)

// ledger is what the server has acknowledged.
type ledger struct {
	mu       sync.Mutex
	sessions map[string]string // token: whose address
	names    map[string][2]int // token: the last acknowledged name, and the last one that was sent
	started  map[string]bool   // addresses whose sign-up was begun, and so mailed
	ended    []string          // tokens that were signed out
	writes   int
}

func TestNothingAcknowledgedIsLostByAKill(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); killed(t, serve(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); killed(t, serve(t, "database.url="+testpg.URL(t))) })
}

func killed(t *testing.T, n *node) {
	l := &ledger{sessions: map[string]string{}, names: map[string][2]int{}, started: map[string]bool{}}
	n.signUp("base@example.com")
	slowest := time.Duration(0)
	total := rounds(12)
	for round := range total {
		l.load(n, round, time.Duration(100+rand.IntN(500))*time.Millisecond)
		n.start()
		slowest = max(slowest, n.took)
		l.check(t, n)
		n.sound()
		if t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
	// A letter that was being sent when the server was killed is tried again when
	// its claim is over, so the clock must move for those.
	late := len(l.started)
	n.stop()
	n = serveIn(t, n.data, append(n.set, "server.insecure_clock_offset=5m")...)
	if l.arrived(n, 10*time.Second); len(l.started) > 0 {
		t.Errorf("letters that never came: %v", l.started)
	}
	t.Logf("%d letters came only after their claim was over", late)
	t.Logf("%d kills, %d acknowledged writes, ready again after %v at most", total, l.writes, slowest.Round(time.Millisecond))
	if slowest > 20*time.Second { // a hang; the figure is in the log, for a busy machine is no proof
		t.Errorf("ready again after %v", slowest)
	}
	if l.writes < 10*total {
		t.Errorf("only %d writes: this load shows nothing", l.writes)
	}
}

// load works on the server until it is killed under the work.
func (l *ledger) load(n *node, round int, life time.Duration) {
	stop := make(chan struct{})
	before := l.writes
	var all sync.WaitGroup
	c := client(32)
	jobs := []func(i int) bool{
		func(i int) bool { return l.enter(n, c) },
		func(i int) bool { return l.enter(n, c) },
		func(i int) bool { return l.rename(n, c) },
		func(i int) bool { return l.rename(n, c) },
		func(i int) bool { return l.leave(n, c) },
		func(i int) bool { return i < 20 && l.begin(n, c, fmt.Sprintf("r%dn%d@example.com", round, i)) },
	}
	for _, job := range jobs {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !job(i) {
					within(2*time.Millisecond, func() bool { return false })
				}
			}
		})
	}
	<-time.After(life)
	// However slow the machine is, there must be something to lose.
	within(10*time.Second, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.writes >= before+15
	})
	n.kill()
	close(stop)
	all.Wait()
}

// enter opens a session.
func (l *ledger) enter(n *node, c *http.Client) bool {
	a := n.callBy(c, "POST", "/v1/attempts", "", signIn("base@example.com", goodPassword))
	if !a.ok() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[a.get("session_token")] = "base@example.com"
	l.writes++
	return true
}

// begin starts a sign-up.
func (l *ledger) begin(n *node, c *http.Client, address string) bool {
	a := n.callBy(c, "POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": address, "evidence": passwordOf(goodPassword)})
	if !a.ok() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started[address] = true
	l.writes++
	return true
}

// pick takes some session out of the ledger for the one who works with it.
func (l *ledger) pick() (token, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for token, address = range l.sessions {
		if len(l.sessions) < 10 {
			return "", ""
		}
		delete(l.sessions, token)
		return token, address
	}
	return "", ""
}

// rename writes the profile. One name is everybody's: what is acknowledged is
// the address of a picture that only grows, so an older one would be a loss.
func (l *ledger) rename(n *node, c *http.Client) bool {
	l.mu.Lock()
	at := l.names["base"]
	at[1]++
	l.names["base"] = at
	var token string
	for token = range l.sessions {
		break
	}
	l.mu.Unlock()
	a := n.callBy(c, "PATCH", "/v1/account", token, object{"name": fmt.Sprint("Ada ", at[1])})
	if a.status != 200 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.names["base"]
	now[0] = max(now[0], at[1])
	l.names["base"] = now
	l.writes++
	return true
}

// leave ends a session.
func (l *ledger) leave(n *node, c *http.Client) bool {
	token, address := l.pick()
	if token == "" {
		return false
	}
	if a := n.callBy(c, "DELETE", "/v1/session", token, nil); a.status != 204 && a.status != 200 {
		return false // whether it ended is unknown, so nothing is expected of it
	}
	_ = address
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, token)
	l.writes++
	return true
}

// check compares the server with what it said.
func (l *ledger) check(t *testing.T, n *node) {
	t.Helper()
	live := ""
	for token := range l.sessions {
		if live = token; !n.alive(token) {
			t.Error("an acknowledged session is gone")
		}
	}
	for _, token := range l.ended {
		if n.alive(token) {
			t.Error("a session that was ended is back")
		}
	}
	l.ended = nil
	if at := l.names["base"]; at[0] > 0 && live != "" {
		var got int
		fmt.Sscanf(n.call("GET", "/v1/account", live, nil).get("name"), "Ada %d", &got)
		if got == 0 || got > at[1] {
			t.Errorf("the name is number %d, of %d that were sent", got, at[1])
		}
	}
	l.arrived(n, time.Second)
}

// arrived strikes out the letters that came; those that do not come in time stay.
func (l *ledger) arrived(n *node, limit time.Duration) {
	within(limit, func() bool {
		for _, m := range n.inbox() {
			delete(l.started, m.To)
		}
		return len(l.started) == 0
	})
}
