package acceptance

import (
	"net/http"
	"strings"
	"testing"
)

func waited() object { return object{"method": "factor_reset"} }

// beginReset asks for a reset after the password and returns the token of the link that ends it.
func (n *node) beginReset(address string) (attempt, token string) {
	n.t.Helper()
	id, seen := n.half(address), len(n.letters(address))
	a := n.call("POST", "/v1/attempts/"+id+"/reset", "", nil)
	if a.status != http.StatusAccepted || a.get("state") != "needs_evidence" || a.get("session_token") != "" {
		n.t.Fatalf("a reset: %s", a)
	}
	l := n.mail(address, seen)
	if !strings.Contains(l.link(), "/factor-reset?") || l.token() == "" {
		n.t.Fatalf("its letter: %s", l.Text)
	}
	return id, l.token()
}

func (n *node) cancel(token string) int {
	return n.call("POST", "/v1/factor-reset/cancel", "", object{"token": token}).status
}

func TestALostFactorIsResetAfterItsTimeAndNotBefore(t *testing.T) {
	t.Parallel()
	n := serve(t, "policy.reset_wait=1h")
	n.app(n.signUp("ada@example.com"))
	fresh := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": "ada@example.com"}).get("id")
	if a := n.call("POST", "/v1/attempts/"+fresh+"/reset", "", nil); a.status != 401 {
		t.Errorf("by one who has proved nothing: %s", a)
	}
	id, token := n.beginReset("ada@example.com")
	if a := n.evidence(id, waited()); a.status != 401 {
		t.Errorf("at once: %s", a)
	}
	if a := n.signIn("ada@example.com", goodPassword); a.get("state") != "needs_evidence" {
		t.Errorf("the password alone, while it waits: %s", a)
	}
	for what, bad := range map[string]string{"another link": token[:len(token)-4] + "xxxx", "no link": "cs_lnk_"} {
		if status := n.cancel(bad); status != 410 {
			t.Errorf("ended by %s: %d", what, status)
		}
	}
	if first, again := n.cancel(token), n.cancel(token); first != 204 || again != 410 {
		t.Errorf("ended by its link: %d, and again: %d", first, again)
	}
	_, late := n.beginReset("ada@example.com")
	n.stop()
	n.args = append(n.args, "--set", "server.insecure_clock_offset=2h")
	n.start()
	a := n.evidence(n.half("ada@example.com"), waited())
	if a.get("state") != "complete" {
		t.Fatalf("after its time: %s", a)
	}
	if a := n.signIn("ada@example.com", goodPassword); a.get("state") != "complete" {
		t.Errorf("the app is gone with it: %s", a)
	}
	if status := n.cancel(late); status != 410 {
		t.Errorf("ended after it was used: %d", status)
	}
	n.sound()
}

func TestAResetThatIsNotOfferedIsNotBegun(t *testing.T) {
	t.Parallel()
	n := serve(t, "policy.spare=recovery_code")
	token := n.signUp("ada@example.com")
	n.app(token)
	if a := n.call("POST", "/v1/attempts/"+n.half("ada@example.com")+"/reset", "", nil); a.status != 403 {
		t.Errorf("%s", a)
	}
	if a := n.call("POST", "/v1/account/factor-reset", token, nil); a.ok() {
		t.Errorf("as a thing of the account: %s", a)
	}
}

func TestOfAThousandWhoEndAResetOneDoes(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		g, n := newGuesser(nodes), nodes[0]
		n.app(n.signUp("ada@example.com"))
		_, token := n.beginReset("ada@example.com")
		onlyOne(t, func(i int) (answer, bool) {
			a := g.send(i, "/v1/factor-reset/cancel", "", object{"token": token})
			return a, a.status == 204
		})
	})
}
