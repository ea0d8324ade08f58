package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/countersign-id/countersign/internal/testpg"
)

// budget is limits.guesses_per_identity by default.
const budget = 10

// places are where every rule must hold: one node on SQLite, two on one PostgreSQL.
func places(t *testing.T, set []string, do func(t *testing.T, nodes []*node)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		do(t, []*node{serve(t, set...)})
	})
	t.Run("two nodes on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		do(t, pair(t, set...))
	})
}

// pair starts two nodes on one PostgreSQL, with one key.
func pair(t *testing.T, set ...string) []*node {
	t.Helper()
	set = append([]string{"database.url=" + testpg.URL(t)}, set...)
	data := t.TempDir()
	return []*node{serveIn(t, data, set...), serveIn(t, data, set...)}
}

// guesser sends guesses to all nodes in turn over many connections.
type guesser struct {
	nodes []*node
	by    []*http.Client
}

func newGuesser(nodes []*node) guesser {
	g := guesser{nodes: nodes}
	for range nodes {
		g.by = append(g.by, client(200/len(nodes)))
	}
	return g
}

func (g guesser) send(i int, path, token string, body any, head ...string) answer {
	at := i % len(g.nodes)
	return g.nodes[at].callBy(g.by[at], "POST", path, token, body, head...)
}

func TestAThousandGuessesAtOnceAreNeverOneOverTheBudget(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n := nodes[0]
		n.signUp("ada@example.com")
		g := newGuesser(nodes)
		var evaluated, refused, odd atomic.Int64
		entered := atOnce(1000, 200, func(i int) bool {
			guess := fmt.Sprint("wrong guess number ", i)
			if i == 500 {
				guess = goodPassword
			}
			a := g.send(i, "/v1/attempts", "", signIn("ada@example.com", guess))
			switch a.status {
			case 401:
				evaluated.Add(1)
			case 429:
				refused.Add(1)
				if a.header.Get("Retry-After") == "" {
					odd.Add(1)
				}
			case 200, 201:
				return true
			default:
				odd.Add(1)
			}
			return false
		})
		if entered != 0 || evaluated.Load() != budget || odd.Load() != 0 {
			t.Errorf("%d entered, %d evaluated of a budget of %d, %d refused, %d odd answers", entered, evaluated.Load(), budget, refused.Load(), odd.Load())
		}
		if wrong := n.count("proof.refused", "wrong password"); wrong != budget {
			t.Errorf("the record says that %d guesses were evaluated, the budget is %d", wrong, budget)
		}
		if a := nodes[len(nodes)-1].signIn("ada@example.com", goodPassword); a.status != 429 {
			t.Errorf("the right password after the lock: %s", a)
		}
		n.sound()
	})
}

func TestABudgetIsNotMultiplied(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n := nodes[0]
		token := n.signUp("grace@example.com")
		if a := n.call("PATCH", "/v1/account", token, object{"username": "grace"}); a.status != 200 {
			t.Fatal(a)
		}
		g := newGuesser(nodes)
		names := []string{"grace@example.com", "GRACE@example.com", " grace@example.com", "grace@EXAMPLE.com ", "grace@example.com.", "grace", "GRACE", "Grace ", "\tgrace",
			"grace@ｅxample.com", "ｇrace@example.com", "grace@example。com"}
		evaluated := atOnce(600, 100, func(i int) bool {
			name := names[i%len(names)]
			fake := fmt.Sprintf("203.0.%d.%d", i%250, i%199)
			head := []string{"X-Forwarded-For", fake, "X-Real-IP", fake, "True-Client-IP", fake, "Forwarded", "for=" + fake, "User-Agent", fmt.Sprint("agent ", i)}
			if i%3 == 0 { // a new attempt for each guess
				a := g.send(i, "/v1/attempts", "", object{"purpose": "sign_in", "identifier": name}, head...)
				if !a.ok() {
					return false
				}
				return g.send(i, "/v1/attempts/"+a.get("id")+"/evidence", "", passwordOf("wrong "+fake), head...).status == 401
			}
			return g.send(i, "/v1/attempts", "", signIn(name, "wrong "+fake), head...).status == 401
		})
		wrong := n.count("proof.refused", "wrong password")
		if wrong != budget {
			t.Errorf("%d guesses were evaluated, the budget is %d", wrong, budget)
		}
		t.Logf("%d answers said no match, %d of them were evaluated", evaluated, wrong)
		for _, e := range n.audit("proof.refused") {
			if !strings.HasPrefix(e.Network, "127.0.0.1") {
				t.Fatalf("a stranger's header chose the network on record: %s", e.Network)
			}
		}
	})
}

func TestABudgetOutlivesAKill(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("mary@example.com")
	var evaluated atomic.Int64
	for round := range 3 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			atOnce(60, 20, func(i int) bool {
				if n.signIn("mary@example.com", fmt.Sprint("wrong ", round, i)).status == 401 {
					evaluated.Add(1)
				}
				return false
			})
		}()
		if round < 2 {
			within(100e6, func() bool { return evaluated.Load() > int64(3*round) })
			n.kill()
		}
		<-done
		if round < 2 {
			n.start()
		}
	}
	if got := n.count("proof.refused", "wrong password"); evaluated.Load() > budget || got > budget {
		t.Errorf("%d answers and %d records of evaluated guesses across two kills, the budget is %d", evaluated.Load(), got, budget)
	}
	if a := n.signIn("mary@example.com", goodPassword); a.status != 429 {
		t.Errorf("the right password after the lock: %s", a)
	}
}

func TestEveryPlaceThatTakesAPasswordHasABudget(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		g := newGuesser(nodes)
		n := nodes[0]
		ways := map[string]func(i int, token string) answer{
			"step-up": func(i int, token string) answer {
				return g.send(i, "/v1/attempts", token, object{"purpose": "step_up", "evidence": passwordOf(fmt.Sprint("wrong ", i))})
			},
			"change": func(i int, token string) answer {
				at := i % len(nodes)
				return nodes[at].callBy(g.by[at], "PUT", "/v1/account/password", token,
					object{"current_password": fmt.Sprint("wrong ", i), "new_password": "another lantern on the shore"})
			},
		}
		for name, guess := range ways {
			token := n.signUp(name + "@example.com")
			if evaluated := atOnce(300, 50, func(i int) bool { return guess(i, token).status == 401 }); evaluated != budget {
				t.Errorf("%s: %d guesses were evaluated, the budget is %d", name, evaluated, budget)
			}
		}
	})
}

func TestOnePersonsGuessesDoNotLockAnotherOut(t *testing.T) {
	t.Parallel()
	n := serve(t)
	mallory, ada := n.signUp("mallory@example.com"), n.signUp("ada@example.com")
	for i := range 3 * budget {
		n.call("POST", "/v1/attempts", mallory, object{"purpose": "step_up", "evidence": passwordOf(fmt.Sprint("wrong ", i))})
	}
	if a := n.call("POST", "/v1/attempts", ada, object{"purpose": "step_up", "issue": "session_token", "evidence": passwordOf(goodPassword)}); !a.ok() {
		t.Errorf("Ada's step-up after Mallory's wrong guesses: %s", a)
	}
}

func TestARecoveryCodeIsNotGuessed(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n := nodes[0]
		n.signUp("ada@example.com")
		g := newGuesser(nodes)
		evaluatedAll := 0
		for range 4 { // each attempt has a code of its own; together they share the budget
			a := n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "ada@example.com"})
			if !a.ok() {
				t.Fatal(a)
			}
			id := a.get("id")
			atOnce(200, 50, func(i int) bool {
				return g.send(i, "/v1/attempts/"+id+"/evidence", "", codeOf(fmt.Sprintf("%08d", i))).status == 401
			})
			wrong := n.count("proof.refused", "wrong code")
			if wrong-evaluatedAll > 5 {
				t.Errorf("%d guesses of one code were evaluated, 5 are allowed", wrong-evaluatedAll)
			}
			evaluatedAll = wrong
		}
		if evaluatedAll > budget || evaluatedAll < 5 {
			t.Errorf("%d guesses of four codes were evaluated, the budget is %d", evaluatedAll, budget)
		}
	})
}

func TestAKnownDeviceKeepsItsOwnBudget(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	home := n.browser()
	if a := home.signIn("ada@example.com", goodPassword); a.status != 303 {
		t.Fatal(a)
	}
	if home.cookie("countersign-device") == "" {
		t.Fatal("the browser got no device cookie")
	}
	for i := range 2 * budget {
		n.signIn("ada@example.com", fmt.Sprint("wrong ", i))
	}
	if a := n.signIn("ada@example.com", goodPassword); a.status != 429 {
		t.Fatalf("a stranger after the lock: %s", a)
	}
	if a := home.post("/sign-out", form()); a.status != 303 {
		t.Fatal(a)
	}
	if a := home.signIn("ada@example.com", goodPassword); a.status != 303 {
		t.Errorf("the owner on a known device, while strangers are locked out: %d", a.status)
	}
	// The device's own budget is no larger, and another identity's cookie is none.
	home.post("/sign-out", form())
	evaluated := 0
	for i := range 2 * budget {
		if home.signIn("ada@example.com", fmt.Sprint("wrong ", i)).status == 422 { // as pages say 401
			evaluated++
		}
	}
	if evaluated != budget {
		t.Errorf("%d guesses from a known device were evaluated, its budget is %d", evaluated, budget)
	}
}
