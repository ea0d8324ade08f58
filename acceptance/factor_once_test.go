package acceptance

import (
	"encoding/json"
	"testing"
)

func TestOfAThousandAtOnceExactlyOneProves(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		n := serve(t, lifted...)
		everyFactorOnce(t, newGuesser([]*node{n}))
	})
	t.Run("two nodes on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		everyFactorOnce(t, behind(t, lifted...))
	})
}

func everyFactorOnce(t *testing.T, g guesser) {
	n := g.nodes[0]
	t.Run("code by mail", func(t *testing.T) {
		n.signUp("mailed@example.com")
		id, l := n.ask("mailed@example.com", "email_code")
		g.once(t, "mailed@example.com", []string{id}, proofBy("email_code", l.code()))
	})
	t.Run("code by text message", func(t *testing.T) {
		n.phone(n.signUp("texted@example.com"), "+447700900123")
		id, l := n.ask("+447700900123", "sms_code")
		g.once(t, "texted@example.com", []string{id}, proofBy("sms_code", l.sms()))
	})
	t.Run("magic link", func(t *testing.T) {
		n.signUp("linked@example.com")
		id, l := n.ask("linked@example.com", "magic_link")
		g.once(t, "linked@example.com", []string{id}, object{"method": "magic_link", "token": l.token()})
	})
	t.Run("recovery code", func(t *testing.T) {
		token := n.signUp("sheet@example.com")
		n.app(token)
		codes := n.sheet(token)
		g.once(t, "sheet@example.com", n.halves("sheet@example.com", 20), proofBy("recovery_code", codes[3]))
		if a := n.call("GET", "/v1/account/recovery-codes", token, nil); a.get("items.0.detail.left") != "9" {
			t.Errorf("one code was used: %s", a)
		}
	})
	t.Run("step of an app", func(t *testing.T) {
		a := n.app(n.signUp("app@example.com"))
		g.once(t, "app@example.com", n.halves("app@example.com", 20), proofBy("totp", a.next()))
	})
	t.Run("confirmation of an app", func(t *testing.T) {
		token := n.signUp("begun@example.com")
		a := n.begun(token)
		onlyOne(t, func(i int) (answer, bool) {
			got := g.send(i, "/v1/account/totp/"+a.id+"/confirm", token, object{"code": a.now()})
			return got, got.status == 200
		})
		if a := n.call("GET", "/v1/account/totp", token, nil); a.get("items.0.id") == "" || a.get("items.1.id") != "" {
			t.Errorf("one app was set up: %s", a)
		}
	})
	t.Run("challenge of a passkey", func(t *testing.T) {
		k := n.passkey(n.signUp("key@example.com"))
		id := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "issue": "session_token"}).get("id")
		response := k.challenged(n, id)
		g.once(t, "key@example.com", []string{id}, object{"method": "passkey", "response": json.RawMessage(response)})
	})
	n.sound()
}

// halves are attempts that want a second step.
func (n *node) halves(address string, count int) (all []string) {
	n.t.Helper()
	for range count {
		all = append(all, n.half(address))
	}
	return all
}

// once shows one piece of evidence in all the attempts at once, each as often as
// the others: one gets a session, which is the second after that of the sign-up.
func (g guesser) once(t *testing.T, who string, attempts []string, e object) {
	t.Helper()
	onlyOne(t, func(i int) (answer, bool) {
		// Not in turn with the nodes, or each attempt would have one of its own.
		got := g.send(i, evidenceOf(attempts[i/2%len(attempts)]), "", e)
		return got, got.get("session_token") != ""
	})
	if s := g.nodes[0].sessions(who); s != 2 {
		t.Errorf("%d sessions, one of them from the sign-up", s)
	}
}
