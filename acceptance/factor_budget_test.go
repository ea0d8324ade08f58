package acceptance

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// codeTries is how many answers one code takes by default.
const codeTries = 5

// refusals counts what the record says of one method and reason.
func (n *node) refusals(method, reason string) (c int) {
	n.t.Helper()
	for _, e := range n.audit("proof.refused") {
		if e.Method == method && e.Reason == reason {
			c++
		}
	}
	return c
}

// guessed is one method under guesses.
type guessed struct {
	method, wrong string // and the reason on record for one that was evaluated
	budget        int    // guesses that are evaluated
	more          int    // that cost a guess after the code's own tries, and are not
	path, token   string
	guess         func(i int) string
	right         func() string
	again         func(n *node) string // where the right value is shown after the budget
}

func TestAThousandGuessesOfEachFactorAreNeverOneOverTheBudget(t *testing.T) {
	t.Parallel()
	places(t, lifted, func(t *testing.T, nodes []*node) {
		for name, of := range map[string]func(*node) guessed{
			"authenticator app": guessApp, "recovery code": guessSheet, "code by mail": guessMail, "code by text message": guessText, "step-up": guessStepUp,
		} {
			t.Run(name, func(t *testing.T) {
				g := newGuesser(nodes)
				besiege(t, g, of(nodes[0]))
			})
		}
		nodes[0].sound()
	})
}

// besiege guesses a thousand times at once, the right value among the guesses once
// the budget must be gone, then kills a node, and tries the right value again.
func besiege(t *testing.T, g guesser, x guessed) {
	n, last := g.nodes[0], g.nodes[len(g.nodes)-1]
	before := n.refusals(x.method, x.wrong)
	var refused, turned, odd atomic.Int64
	entered := atOnce(1000, 200, func(i int) bool {
		value := x.guess(i)
		if i == 500 {
			value = x.right()
		}
		a := g.send(i, x.path, x.token, proofBy(x.method, value))
		switch a.status {
		case 401:
			refused.Add(1)
		case 429:
			turned.Add(1)
			if a.header.Get("Retry-After") == "" {
				odd.Add(1)
			}
		case 200:
			return true
		default:
			odd.Add(1)
		}
		return false
	})
	want := int64(x.budget + x.more)
	if entered != 0 || refused.Load() != want || odd.Load() != 0 {
		t.Errorf("%d entered, %d were let in to be refused and not %d, %d were turned away, %d odd answers", entered, refused.Load(), want, turned.Load(), odd.Load())
	}
	if wrong := n.refusals(x.method, x.wrong) - before; wrong != x.budget {
		t.Errorf("the record says that %d guesses were evaluated, the budget is %d", wrong, x.budget)
	}
	if a := last.call("POST", x.path, x.token, proofBy(x.method, x.right())); a.status != 429 {
		t.Errorf("the right value after the lock: %s", a)
	}
	n.kill()
	n.start()
	if a := n.call("POST", x.path, x.token, proofBy(x.method, x.right())); a.status != 429 {
		t.Errorf("the right value after a kill: %s", a)
	}
	if x.again != nil {
		if a := last.call("POST", x.again(n), x.token, proofBy(x.method, x.right())); a.status != 429 {
			t.Errorf("the right value in another attempt: %s", a)
		}
	}
}

func evidenceOf(attempt string) string { return "/v1/attempts/" + attempt + "/evidence" }

func guessApp(n *node) guessed {
	a := n.app(n.signUp("app@example.com"))
	again := func(n *node) string { return evidenceOf(n.half("app@example.com")) }
	return guessed{method: "totp", wrong: "wrong code", budget: budget, path: again(n), guess: a.wrong, right: a.next, again: again}
}

func guessSheet(n *node) guessed {
	token := n.signUp("sheet@example.com")
	n.app(token)
	codes := n.sheet(token)
	again := func(n *node) string { return evidenceOf(n.half("sheet@example.com")) }
	return guessed{method: "recovery_code", wrong: "wrong recovery code, or one that was used", budget: budget, path: again(n), again: again,
		guess: func(i int) string { return fmt.Sprintf("0000-0000-0000-%04d", i) }, right: func() string { return codes[0] }}
}

func guessMail(n *node) guessed {
	n.signUp("mailed@example.com")
	id, l := n.ask("mailed@example.com", "email_code")
	return guessed{method: "email_code", wrong: "wrong code", budget: codeTries, more: budget - codeTries, path: evidenceOf(id),
		guess: otherThan(l.code()), right: func() string { return l.code() }}
}

func guessText(n *node) guessed {
	n.phone(n.signUp("texted@example.com"), "+447700900123")
	id, l := n.ask("+447700900123", "sms_code")
	return guessed{method: "sms_code", wrong: "wrong code", budget: codeTries, more: budget - codeTries, path: evidenceOf(id),
		guess: otherThan(l.sms()), right: func() string { return l.sms() }}
}

func guessStepUp(n *node) guessed {
	token := n.signUp("raised@example.com")
	a := n.app(token)
	b := n.call("POST", "/v1/attempts", token, object{"purpose": "step_up", "level": "aal2", "issue": "session_token"})
	if !offered(b, "totp") {
		n.t.Fatalf("a step-up of one who has an app: %s", b)
	}
	return guessed{method: "totp", wrong: "wrong code", budget: budget, path: evidenceOf(b.get("id")), token: token, guess: a.wrong, right: a.next}
}

// otherThan gives codes of the same length that are not the one.
func otherThan(code string) func(int) string {
	return func(i int) string {
		guess := fmt.Sprintf("%0*d", len(code), i)
		if guess == code {
			return fmt.Sprintf("%0*d", len(code), i+5000)
		}
		return guess
	}
}
