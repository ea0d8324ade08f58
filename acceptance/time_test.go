package acceptance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// later restarts the node with its clock moved, without giving its sweeper time.
func (n *node) later(offset string) *node {
	n.t.Helper()
	n.stop()
	return serveIn(n.t, n.data, append(n.set, "server.insecure_clock_offset="+offset)...)
}

func TestWhatHasExpiredIsOver(t *testing.T) {
	t.Parallel()
	n := serve(t, "limits.guess_pause=30m")
	token := n.signUp("ada@example.com")
	n.signUp("locked@example.com")
	open := func(purpose, address string, e object) string {
		return n.call("POST", "/v1/attempts", "", object{"purpose": purpose, "identifier": address, "evidence": e}).get("id")
	}
	recovery := open("recover", "ada@example.com", nil)
	r := n.mail("ada@example.com", 1)
	begun, up := n.begin("new@example.com")
	waiting := open("sign_in", "ada@example.com", nil)
	for range 2 * budget {
		n.signIn("locked@example.com", "not the password at all")
	}
	n = n.later("10m1s")
	for what, a := range map[string]answer{
		"a recovery code":  n.evidence(recovery, codeOf(r.code())),
		"a sign-up code":   n.evidence(begun.get("id"), codeOf(up.code())),
		"a recovery link":  n.browser().post("/verify", form("token", r.token())),
		"a look at a link": n.browser().get("/verify?token=" + up.token()),
	} {
		if a.status != 401 && a.status != 410 {
			t.Errorf("%s after 10 minutes: %s", what, a)
		}
	}
	if a := n.signIn("locked@example.com", goodPassword); a.status != 429 {
		t.Errorf("a restart and ten minutes of a pause of thirty: %s", a)
	}
	if !n.alive(token) {
		t.Error("a session after ten minutes")
	}
	if a := n.call("DELETE", "/v1/account", token, nil); a.get("code") != "step_up_required" {
		t.Errorf("deletion ten minutes after the proof: %s", a)
	}
	n = n.later("31m")
	if a := n.evidence(waiting, passwordOf(goodPassword)); a.status != 410 {
		t.Errorf("an attempt after half an hour: %s", a)
	}
	if a := n.signIn("locked@example.com", goodPassword); !a.ok() {
		t.Errorf("the right password after the pause: %s", a)
	}
	n = n.later("167h")
	if !n.alive(token) {
		t.Error("a session that was used is gone before a week")
	}
	n = n.later("336h30m")
	if n.alive(token) {
		t.Error("a session that nobody used for a week is alive")
	}
	n.sound()
}

func TestAnAbsoluteEndIsAbsolute(t *testing.T) {
	t.Parallel()
	n := serve(t)
	token := n.signUp("ada@example.com")
	for _, offset := range []string{"144h", "288h", "432h", "576h", "700h"} {
		n = n.later(offset)
		if !n.alive(token) {
			t.Fatalf("a session in use is gone after %s", offset)
		}
	}
	if n = n.later("720h1m"); n.alive(token) {
		t.Error("a session is alive after 30 days, because it was used")
	}
}

func TestSetUpStaysClosed(t *testing.T) {
	t.Parallel()
	n := serve(t)
	first := n.said.String()
	if !strings.Contains(first, "/setup?token=") {
		t.Fatal("a new server names no link")
	}
	token := setup(t, []*node{n})
	if token == "" {
		t.Fatal("nobody was set up")
	}
	// Whether or not the last administrator may go, nobody can come in instead.
	n.call("DELETE", "/v1/account", token, nil)
	n.stop()
	n.start()
	if strings.Contains(n.said.String(), "/setup?token=") {
		t.Error("set-up opened again after the administrator had gone")
	}
	old := first[strings.Index(first, "/setup?token="):]
	if a := n.browser().get(strings.Fields(old)[0]); a.status != 410 {
		t.Errorf("the first link: %d", a.status)
	}
}

func TestAnUnprovedAddressGivesNothing(t *testing.T) {
	t.Parallel()
	n := serve(t)
	mallory := n.signUp("mallory@example.com")
	if a := n.call("POST", "/v1/account/emails", mallory, object{"address": "victim@example.com"}); !a.ok() {
		t.Fatal(a)
	}
	first := n.mail("victim@example.com", 0)
	if a := n.signIn("victim@example.com", goodPassword); a.ok() {
		t.Errorf("an unproved address signs in: %s", a)
	}
	if a := n.call("POST", "/v1/account/emails/victim@example.com/primary", mallory, nil); a.ok() {
		t.Errorf("an unproved address became the primary one: %s", a)
	}
	// Mallory begins a sign-up in the victim's name, with a password of hers.
	n.begin("victim@example.com")
	l := n.mail("victim@example.com", 1)
	b := n.browser()
	a := b.post("/verify", form("token", l.token())) // the victim opens the link in her own browser
	if a.status != 303 {
		t.Fatalf("the link: %s", a)
	}
	at := a.header.Get("Location")
	method := strings.TrimPrefix(at[strings.IndexByte(at, '?'):], "?method=")
	a = b.post(at[:strings.IndexByte(at, '?')], form("do", "answer", "method", method, "password", "seven herons by the mill"))
	if a.status != 303 || b.get("/account").status != 200 {
		t.Fatalf("her own password: %s", a)
	}
	if a := n.signIn("victim@example.com", goodPassword); a.ok() {
		t.Error("the password that Mallory prepared signs in")
	}
	if a := n.signIn("victim@example.com", "seven herons by the mill"); !a.ok() {
		t.Errorf("the victim's own: %s", a)
	}
	if a := n.call("POST", "/v1/account/emails/victim@example.com/verify", mallory, object{"code": first.code()}); a.ok() {
		t.Errorf("Mallory proves an address that is the victim's: %s", a)
	}
	// An address that was taken away again cannot be proved by its old code.
	ada := n.signUp("ada@example.com")
	n.call("POST", "/v1/account/emails", ada, object{"address": "second@example.com"})
	code := n.mail("second@example.com", 0).code()
	n.call("DELETE", "/v1/account/emails/second@example.com", ada, nil)
	if a := n.call("POST", "/v1/account/emails/second@example.com/verify", ada, object{"code": code}); a.ok() {
		t.Errorf("a removed address was proved: %s", a)
	}
	n.sound()
}

// TestNobodyGetsAnothersAnswer lets two people ask at the same time over the same connections.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n := nodes[0]
		address := []string{"ada@example.com", "bob@example.com"}
		tokens := []string{n.signUp(address[0]), n.signUp(address[1])}
		g := newGuesser(nodes)
		paths := []string{"/v1/session", "/v1/account", "/v1/account/emails", "/v1/sessions"}
		mixed := atOnce(8000, 32, func(i int) bool {
			at := i / 2 % len(nodes)
			a := g.nodes[at].callBy(g.by[at], "GET", paths[i/4%3], tokens[i%2], nil, "Idempotency-Key", "the same")
			return !strings.Contains(string(a.body), address[i%2]) || strings.Contains(string(a.body), address[1-i%2])
		})
		if mixed != 0 {
			t.Errorf("%d of 8000 answers were not the caller's own", mixed)
		}
		var all struct{ Items []json.RawMessage }
		if a := n.call("GET", paths[3], tokens[0], nil); json.Unmarshal(a.body, &all) != nil || len(all.Items) != 1 {
			t.Errorf("%s", a)
		}
	})
}

// TestARunningServerForgetsInTime asks all the while, so that the session is in
// memory when its end comes.
func TestARunningServerForgetsInTime(t *testing.T) {
	t.Parallel()
	n := serve(t, "session.absolute=3s", "session.idle=3s", "session.sudo=3s")
	began := time.Now()
	token := n.signUp("ada@example.com")
	if !n.alive(token) {
		t.Fatal("it never lived")
	}
	var last time.Duration
	within(5*time.Second, func() bool {
		if n.alive(token) {
			last = time.Since(began)
		}
		return time.Since(began) > 4*time.Second
	})
	if last < 2*time.Second || last > 3500*time.Millisecond {
		t.Errorf("a session of 3 s was last alive %v after its beginning", last)
	}
}
