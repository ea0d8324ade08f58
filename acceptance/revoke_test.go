package acceptance

import (
	"fmt"
	"testing"
	"time"
)

// lag is how long another node may still believe an ended session.
const lag = time.Second

// victim is someone with two sessions, both warm on every node.
type victim struct {
	address, id, spare, token string
}

func newVictim(t *testing.T, nodes []*node, name string) victim {
	t.Helper()
	v := victim{address: name + "@example.com"}
	v.spare = nodes[0].signUp(v.address)
	v.token = nodes[0].signIn(v.address, goodPassword).get("session_token")
	for _, n := range nodes {
		for range 3 { // remembered by each
			for _, token := range []string{v.spare, v.token} {
				a := n.call("GET", "/v1/session", token, nil)
				if a.status != 200 {
					t.Fatalf("%s: %s", name, a)
				}
				v.id = a.get("identity.id")
			}
		}
	}
	return v
}

// way ends v.token; byCommand says that no running node does it itself.
type way struct {
	do        func(n *node, v victim) answer
	byCommand bool
}

func command(n *node, args ...string) answer {
	if out, err := n.cli(args...); err != nil {
		return answer{status: 500, body: []byte(out), err: err}
	}
	return answer{status: 204}
}

func ways(admin string) map[string]way {
	password := object{"current_password": goodPassword, "new_password": "seven herons by the mill"}
	return map[string]way{
		"sign-out":     {do: func(n *node, v victim) answer { return n.call("DELETE", "/v1/session", v.token, nil) }},
		"others ended": {do: func(n *node, v victim) answer { return n.call("DELETE", "/v1/sessions", v.spare, nil) }},
		"one ended": {do: func(n *node, v victim) answer {
			id := n.call("GET", "/v1/session", v.token, nil).get("session.id")
			return n.call("DELETE", "/v1/sessions/"+id, v.spare, nil)
		}},
		"page sign-out": {do: func(n *node, v victim) answer {
			b := n.browser()
			b.c.Jar = nil
			return b.post("/sign-out", form(), "Cookie", "countersign="+v.token)
		}},
		"password changed": {do: func(n *node, v victim) answer { return n.call("PUT", "/v1/account/password", v.spare, password) }},
		"account deleted":  {do: func(n *node, v victim) answer { return n.call("DELETE", "/v1/account", v.spare, nil) }},
		"recovered":        {do: recovered},
		"stepped up":       {do: func(n *node, v victim) answer { return stepUp(n, v.token) }},
		"ended by admin": {do: func(n *node, v victim) answer {
			return n.call("DELETE", "/v1/admin/identities/"+v.id+"/sessions", admin, nil)
		}},
		"disabled by admin": {do: func(n *node, v victim) answer {
			return n.call("PATCH", "/v1/admin/identities/"+v.id, admin, object{"state": "disabled"})
		}},
		"deleted by admin":    {do: func(n *node, v victim) answer { return n.call("DELETE", "/v1/admin/identities/"+v.id, admin, nil) }},
		"revoked by command":  {byCommand: true, do: func(n *node, v victim) answer { return command(n, "session", "revoke", v.address, "--all") }},
		"disabled by command": {byCommand: true, do: func(n *node, v victim) answer { return command(n, "identity", "disable", v.address) }},
		"deleted by command":  {byCommand: true, do: func(n *node, v victim) answer { return command(n, "identity", "delete", v.address, "--yes") }},
		"password set by command": {byCommand: true, do: func(n *node, v victim) answer {
			out, err := n.cliWith("seven herons by the mill\n", "identity", "set-password", v.address, "--password-stdin")
			return answer{status: 204, body: []byte(out), err: err}
		}},
	}
}

func stepUp(n *node, token string) answer {
	return n.call("POST", "/v1/attempts", token, object{"purpose": "step_up", "issue": "session_token", "evidence": passwordOf(goodPassword)})
}

func recovered(n *node, v victim) answer {
	seen := len(n.letters(v.address))
	a := n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": v.address, "issue": "session_token"})
	n.evidence(a.get("id"), codeOf(n.mail(v.address, seen).code()))
	return n.evidence(a.get("id"), passwordOf("seven herons by the mill"))
}

// administrator makes one and signs in.
func (n *node) administrator() string {
	n.t.Helper()
	if _, err := n.cliWith(goodPassword+"\n", "identity", "add", "--email", "root@example.com", "--role", "admin", "--password-stdin"); err != nil {
		n.t.Fatal(err)
	}
	return n.signIn("root@example.com", goodPassword).get("session_token")
}

func TestAnEndedSessionIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		admin := nodes[0].administrator()
		i := 0
		for name, w := range ways(admin) {
			i++
			v := newVictim(t, nodes, fmt.Sprint("victim", i))
			if a := w.do(nodes[0], v); a.err != nil || a.status < 200 || a.status >= 400 {
				t.Errorf("%s: %s", name, a)
				continue
			}
			ended := time.Now()
			if !w.byCommand && nodes[0].alive(v.token) {
				t.Errorf("%s: still good on the node that ended it", name)
			}
			for at, n := range nodes {
				if !within(lag, func() bool { return !n.alive(v.token) }) {
					t.Errorf("%s: still good on node %d after %v", name, at, time.Since(ended))
				}
			}
			took := time.Since(ended)
			for _, n := range nodes { // and it does not come back
				for range 20 {
					if n.alive(v.token) {
						t.Fatalf("%s: good again", name)
					}
				}
			}
			t.Logf("%s: gone everywhere after %v", name, took.Round(time.Millisecond))
		}
	})
}

func TestADemotedAdministratorIsNoneAtOnce(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		admin := nodes[0].administrator()
		v := newVictim(t, nodes, "deputy")
		if a := nodes[0].call("PATCH", "/v1/admin/identities/"+v.id, admin, object{"roles": []string{"admin"}}); a.status != 200 {
			t.Fatal(a)
		}
		may := func(n *node) bool { return n.call("GET", "/v1/admin/identities", v.token, nil).status == 200 }
		for _, n := range nodes {
			if !within(lag, func() bool { return may(n) }) {
				t.Fatal("the deputy cannot administer")
			}
		}
		if a := nodes[0].call("PATCH", "/v1/admin/identities/"+v.id, admin, object{"roles": []string{}}); a.status != 200 {
			t.Fatal(a)
		}
		if may(nodes[0]) {
			t.Error("still an administrator on the same node")
		}
		for at, n := range nodes {
			if !within(lag, func() bool { return !may(n) }) {
				t.Errorf("still an administrator on node %d after a second", at)
			}
		}
	})
}

// TestAPasswordThatWasChangedOpensNothing signs in with the old password at
// every moment of its change. Whoever was under way when the change was
// acknowledged must not be let in by it, and must not put the old one back:
// the hash parameters have grown, so that each sign-in stores a new hash.
func TestAPasswordThatWasChangedOpensNothing(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	n := serveIn(t, data)
	const people = 6
	var tokens [people]string
	for i := range people {
		tokens[i] = n.signUp(fmt.Sprintf("old%d@example.com", i))
	}
	n.stop()
	n = serveIn(t, data, "password.hash.memory_kib=65536", "password.hash.time=3")
	for i, token := range tokens {
		address := fmt.Sprintf("old%d@example.com", i)
		changed := make(chan answer)
		go func() {
			changed <- n.call("PUT", "/v1/account/password", token, object{"current_password": goodPassword, "new_password": "seven herons by the mill"})
		}()
		early := make(chan string, 100)
		began := 0
		tick := time.NewTicker(15 * time.Millisecond)
		for done := false; !done; {
			select {
			case a := <-changed:
				if done = true; a.status != 204 {
					t.Fatalf("change: %s", a)
				}
			case <-tick.C:
				if began < 8 {
					began++
					go func() { early <- n.signIn(address, goodPassword).get("session_token") }()
				}
			}
		}
		tick.Stop()
		for range began {
			if old := <-early; old != "" && n.alive(old) {
				t.Errorf("%s: a session that the old password opened is alive after the change", address)
			}
		}
		if a := n.signIn(address, goodPassword); a.status != 401 {
			t.Errorf("%s: the old password after the change: %s", address, a)
		}
		if a := n.signIn(address, "seven herons by the mill"); !a.ok() {
			t.Errorf("%s: the new password: %s", address, a)
		}
	}
}

func TestWhatWasMailedDiesWithWhatItWasFor(t *testing.T) {
	t.Parallel()
	n := serve(t)
	admin := n.administrator()
	ask := func(address string) (string, letter) {
		seen := len(n.letters(address))
		a := n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": address})
		return a.get("id"), n.mail(address, seen)
	}
	dead := func(name, id string, l letter) {
		if a := n.evidence(id, codeOf(l.code())); a.status < 400 {
			t.Errorf("%s: the code still works: %s", name, a)
		}
		if a := n.browser().post("/verify", form("token", l.token())); a.status < 400 {
			t.Errorf("%s: the link still works: %d", name, a.status)
		}
	}
	for name, do := range map[string]func(v victim) answer{
		"password-changed": func(v victim) answer {
			return n.call("PUT", "/v1/account/password", v.token, object{"current_password": goodPassword, "new_password": "seven herons by the mill"})
		},
		"recovered": func(v victim) answer { return recovered(n, v) },
		"disabled": func(v victim) answer {
			return n.call("PATCH", "/v1/admin/identities/"+v.id, admin, object{"state": "disabled"})
		},
		"deleted": func(v victim) answer { return n.call("DELETE", "/v1/account", v.token, nil) },
	} {
		v := newVictim(t, []*node{n}, name)
		id, l := ask(v.address)
		if a := do(v); a.status >= 400 || a.err != nil {
			t.Fatalf("%s: %s", name, a)
		}
		dead(name, id, l)
	}
	v := newVictim(t, []*node{n}, "replaced")
	id, first := ask(v.address)
	n.call("POST", "/v1/attempts/"+id+"/challenges", "", object{"method": "email_code"}) // this claims the one that was sent
	seen := len(n.letters(v.address))
	if a := n.call("POST", "/v1/attempts/"+id+"/challenges", "", object{"method": "email_code"}); a.status != 200 {
		t.Fatal(a)
	}
	n.mail(v.address, seen)
	dead("replaced by a newer one", id, first)
}
