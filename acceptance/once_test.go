package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// tries is how many want one thing at the same time.
const tries = 1000

// sessions counts the live sessions of an identity, as the operator sees them.
func (n *node) sessions(who string) int {
	n.t.Helper()
	var page struct{ Items []any }
	if err := json.Unmarshal([]byte(n.must("session", "list", who, "--json", "--limit", "10000")), &page); err != nil {
		n.t.Fatal(err)
	}
	return len(page.Items)
}

// answers counts answers by status, for the message of a test that fails.
type answers struct {
	mu sync.Mutex
	by map[int]int
}

func (c *answers) see(a answer) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[int]int{}
	}
	c.by[a.status]++
	return a
}

// onlyOne races for something and fails unless exactly one gets it and nobody
// meets an error of the server.
func onlyOne(t *testing.T, do func(i int) (answer, bool)) {
	t.Helper()
	var all answers
	won := atOnce(tries, 200, func(i int) bool {
		a, ok := do(i)
		all.see(a)
		return ok
	})
	// A machine that is busy with other things may be too slow for a thousand on one
	// row of PostgreSQL. It then says 503 to some, at worst to the one: never two, though.
	if won != 1 && (won != 0 || all.by[503] == 0) {
		t.Errorf("%d of %d got it: %v", won, tries, all.by)
	}
	for status, count := range all.by {
		if status == 0 || status >= 500 && status != 503 {
			t.Errorf("%d answers %d: %v", count, status, all.by)
		}
	}
}

func TestOfAThousandAtOnceExactlyOneGetsIt(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		g, n := newGuesser(nodes), nodes[0]
		admin := setup(t, nodes)
		t.Run("sign-up code", func(t *testing.T) { signUpCode(t, n, g) })
		t.Run("attempt", func(t *testing.T) { attemptOnce(t, n, g) })
		t.Run("recovery code and new password", func(t *testing.T) { recoveryCode(t, n, g) })
		t.Run("recovery link", func(t *testing.T) { recoveryLink(t, nodes) })
		t.Run("link of an added address", func(t *testing.T) { addedLink(t, nodes) })
		t.Run("code of an added address", func(t *testing.T) { addedCode(t, n, g) })
		t.Run("idempotency key", func(t *testing.T) { idempotency(t, n, g) })
		t.Run("an address for two", func(t *testing.T) { oneAddress(t, n, g) })
		t.Run("the last administrator", func(t *testing.T) { lastAdministrator(t, n, g, admin) })
		n.sound()
	})
}

func signUpCode(t *testing.T, n *node, g guesser) {
	a, l := n.begin("code@example.com")
	onlyOne(t, func(i int) (answer, bool) {
		got := g.send(i, "/v1/attempts/"+a.get("id")+"/evidence", "", codeOf(l.code()))
		return got, got.get("session_token") != ""
	})
	if s := n.sessions("code@example.com"); s != 1 {
		t.Errorf("%d sessions", s)
	}
}

func attemptOnce(t *testing.T, n *node, g guesser) {
	n.signUp("attempt@example.com")
	a := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": "attempt@example.com", "issue": "session_token"})
	onlyOne(t, func(i int) (answer, bool) {
		got := g.send(i, "/v1/attempts/"+a.get("id")+"/evidence", "", passwordOf(goodPassword))
		return got, got.get("session_token") != ""
	})
	if s := n.sessions("attempt@example.com"); s != 2 {
		t.Errorf("%d sessions, one of them from the sign-up", s)
	}
}

func recoveryCode(t *testing.T, n *node, g guesser) {
	n.signUp("recover@example.com")
	a := n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "recover@example.com", "issue": "session_token"})
	code := n.mail("recover@example.com", 1).code()
	path := "/v1/attempts/" + a.get("id") + "/evidence"
	onlyOne(t, func(i int) (answer, bool) {
		got := g.send(i, path, "", codeOf(code))
		return got, got.status == 200
	})
	var won string
	onlyOne(t, func(i int) (answer, bool) {
		chosen := fmt.Sprintf("seven herons %d by the mill", i)
		got := g.send(i, path, "", passwordOf(chosen))
		if got.get("session_token") != "" {
			won = chosen
		}
		return got, got.get("session_token") != ""
	})
	if s := n.sessions("recover@example.com"); s != 1 {
		t.Errorf("%d sessions after the recovery", s)
	}
	if in := n.signIn("recover@example.com", won); !in.ok() {
		t.Errorf("the chosen password: %s", in)
	}
}

// strangers are a browser for each node, without cookies of an attempt.
func strangers(nodes []*node) func(i int, path string, f url.Values) answer {
	var all []*browser
	for _, n := range nodes {
		b := n.browser()
		b.c.Transport = client(200 / len(nodes)).Transport
		b.c.Jar = nil
		all = append(all, b)
	}
	return func(i int, path string, f url.Values) answer { return all[i%len(all)].post(path, f) }
}

func recoveryLink(t *testing.T, nodes []*node) {
	n, post := nodes[0], strangers(nodes)
	n.signUp("link@example.com")
	n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "link@example.com"})
	token := n.mail("link@example.com", 1).token()
	if a := n.browser().get("/verify?token=" + url.QueryEscape(token)); a.status != 200 { // a scanner looks, and spends nothing
		t.Fatal(a)
	}
	onlyOne(t, func(i int) (answer, bool) {
		a := post(i, "/verify", form("token", token))
		return a, a.status == 303
	})
}

func addedLink(t *testing.T, nodes []*node) {
	n := nodes[0]
	token := n.signUp("added@example.com")
	var own []*browser // signed in to the account, as such a link asks for
	for _, n := range nodes {
		b := n.browser()
		b.c.Transport = client(200 / len(nodes)).Transport
		b.signIn("added@example.com", goodPassword)
		own = append(own, b)
	}
	if a := n.call("POST", "/v1/account/emails", token, object{"address": "second@example.com"}); !a.ok() {
		t.Fatal(a)
	}
	link := n.mail("second@example.com", 0).token()
	if a := strangers(nodes)(0, "/verify", form("token", link)); a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/sign-in?") {
		t.Errorf("a stranger who opens the link gets %d and is sent to %s", a.status, a.header.Get("Location"))
	}
	onlyOne(t, func(i int) (answer, bool) {
		a := own[i%len(own)].post("/verify", form("token", link))
		return a, a.status == 303
	})
}

func addedCode(t *testing.T, n *node, g guesser) {
	token := n.signUp("coded@example.com")
	if a := n.call("POST", "/v1/account/emails", token, object{"address": "third@example.com"}); !a.ok() {
		t.Fatal(a)
	}
	code := n.mail("third@example.com", 0).code()
	onlyOne(t, func(i int) (answer, bool) {
		a := g.send(i, "/v1/account/emails/third@example.com/verify", token, object{"code": code})
		return a, a.status == 200
	})
}

func idempotency(t *testing.T, n *node, g guesser) {
	body := object{"purpose": "sign_up", "identifier": "idem@example.com", "evidence": passwordOf(goodPassword)}
	var mu sync.Mutex
	made := map[string]bool{}
	atOnce(tries, 100, func(i int) bool {
		a := g.send(i, "/v1/attempts", "", body, "Idempotency-Key", "one-and-the-same")
		mu.Lock()
		defer mu.Unlock()
		switch a.status {
		case 200, 201:
			made[a.get("id")] = true
		case 409:
		default:
			t.Errorf("%s", a)
		}
		return false
	})
	if len(made) != 1 {
		t.Errorf("one key made %d attempts", len(made))
	}
	n.mail("idem@example.com", 0)
	if l := n.letters("idem@example.com"); len(l) != 1 {
		t.Errorf("one key sent %d letters", len(l))
	}
	body["identifier"] = "other@example.com"
	if a := g.send(0, "/v1/attempts", "", body, "Idempotency-Key", "one-and-the-same"); a.status != 409 {
		t.Errorf("the key of another request: %s", a)
	}
}

// oneAddress lets many sign up with one address; each proves it with its own code.
func oneAddress(t *testing.T, n *node, g guesser) {
	type ready struct{ id, code string }
	var all []ready
	for i := range 20 {
		a, l := n.begin("one@example.com")
		if l.code() == "" {
			t.Fatalf("sign-up %d got no code", i)
		}
		all = append(all, ready{a.get("id"), l.code()})
	}
	if won := atOnce(len(all), len(all), func(i int) bool {
		return g.send(i, "/v1/attempts/"+all[i].id+"/evidence", "", codeOf(all[i].code)).get("session_token") != ""
	}); won != 1 {
		t.Errorf("%d identities have one address", won)
	}
}

// setup races for the link that makes the first administrator and returns a session.
func setup(t *testing.T, nodes []*node) string {
	t.Helper()
	n, post := nodes[0], strangers(nodes)
	u, err := url.Parse(strings.TrimSpace(lastLine(n.must("setup-link"))))
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	var cookie string
	onlyOne(t, func(i int) (answer, bool) {
		a := post(i, "/setup", form("token", token, "email", fmt.Sprintf("root%d@example.com", i), "password", goodPassword, "name", "Root"))
		if a.status == 303 {
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				if c.Name == "countersign" {
					cookie = c.Value
				}
			}
		}
		return a, a.status == 303
	})
	if a := n.browser().get("/setup?token=" + url.QueryEscape(token)); a.status != 410 {
		t.Errorf("the set-up link after its use: %d", a.status)
	}
	if out, err := n.cli("setup-link"); err == nil {
		t.Errorf("set-up opened again: %d bytes", len(out))
	}
	return cookie
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// lastAdministrator lets two administrators depose each other at once: one must stay.
func lastAdministrator(t *testing.T, n *node, g guesser, token string) {
	for round := range 20 {
		first := n.call("GET", "/v1/session", token, nil).get("identity.id")
		name := fmt.Sprintf("deputy%d@example.com", round)
		if _, err := n.cliWith(goodPassword+"\n", "identity", "add", "--email", name, "--role", "admin", "--password-stdin"); err != nil {
			t.Fatal(err)
		}
		in := n.signIn(name, goodPassword)
		second, other := in.get("session.identity"), in.get("session_token")
		if second == "" {
			second = n.call("GET", "/v1/session", other, nil).get("identity.id")
		}
		by, whom := []string{token, other}, []string{second, first}
		atOnce(2, 2, func(i int) bool {
			at := i % len(g.nodes)
			return g.nodes[at].callBy(g.by[at], "PATCH", "/v1/admin/identities/"+whom[i], by[i], object{"roles": []string{}}).status == 200
		})
		var left struct{ Items []struct{ ID string } }
		if err := json.Unmarshal([]byte(n.must("identity", "list", "--role", "admin", "--json")), &left); err != nil {
			t.Fatal(err)
		}
		if len(left.Items) == 0 {
			t.Fatalf("round %d: nobody is administrator any longer", round)
		}
		if left.Items[0].ID == second {
			token = other
		}
	}
}
