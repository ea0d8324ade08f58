package password_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/proof/password"
)

const good = "a lantern over quiet water"

func plain(*password.Options) {}

// ada is a subject with the password, set up with the method.
func ada(t *testing.T, m *password.Method, text string) countersign.Subject {
	t.Helper()
	s := countersign.Subject{Identity: "idn_ada"}
	s.Credentials = []countersign.Credential{enrolled(t, m, s, text)}
	return s
}

func check(t *testing.T, m *password.Method, s countersign.Subject, text string) (countersign.Proof, error) {
	t.Helper()
	return m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(text)})
}

func TestAPasswordPassesTheListOfRefusals(t *testing.T) {
	m := newMethod(t, plain)
	refusals.Run(t, refusals.Case{
		Method: m, Life: life, Again: true,
		House: func(t *testing.T) refusals.House { return newHouse(t) },
		Evidence: func(t *testing.T) countersign.Evidence {
			return countersign.Evidence{Subject: ada(t, m, good), Answer: shows(good)}
		},
	})
}

func TestWhatIsStoredIsAHashAndNeverTheSame(t *testing.T) {
	m := newMethod(t, plain)
	one, two := ada(t, m, good).Credentials[0], ada(t, m, good).Credentials[0]
	if !strings.HasPrefix(string(one.Data), "$argon2id$v=19$m=64,t=1,p=1$") || string(one.Data) == string(two.Data) {
		t.Errorf("stored as %.28s; twice the same: %t", one.Data, string(one.Data) == string(two.Data))
	}
	if strings.Contains(string(one.Data), "lantern") || one.Method != "password" || one.Identity != "idn_ada" || one.CreatedAt.IsZero() {
		t.Errorf("%s of %s", one.Method, one.Identity)
	}
}

// One password typed on two systems is one password (RFC 8265, OpaqueString).
func TestAPasswordIsTheSameHoweverItIsTyped(t *testing.T) {
	m := newMethod(t, plain)
	composed, decomposed := "caf\u00e9 over quiet water", "cafe\u0301 over quiet\u00a0water"
	s := ada(t, m, composed)
	if _, err := check(t, m, s, decomposed); err != nil {
		t.Errorf("decomposed, with a no-break space: %v", err)
	}
	for what, other := range map[string]string{"in capitals": strings.ToUpper(composed), "without accent": "cafe over quiet water", "with a space behind": composed + " "} {
		if _, err := check(t, m, s, other); !errors.Is(err, countersign.ErrNoMatch) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAPasswordThatIsTooWeakIsNotSetUp(t *testing.T) {
	m := newMethod(t, func(o *password.Options) { o.Own = []string{"Lanternworks"} })
	s := countersign.Subject{Identity: "idn_ada", Names: []string{"Ada Lovelace", "lovelace@example.com"}}
	for what, weak := range map[string]string{
		"empty": "", "short": "k3#vQ9z", "common": "password1234", "a row of keys": "qwertyuiop", "one character": strings.Repeat("a", 40),
		"her name": "adalovelace", "her address": "lovelace@example.com", "our name": "lanternworks", "not text": "a lantern\x00over quiet water",
		"not UTF-8": "a lantern \xff over quiet water", "endless": strings.Repeat(good, 1000),
	} {
		b := json.RawMessage(`{"password":"` + strings.NewReplacer("\x00", `\u0000`).Replace(weak) + `"}`)
		made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: b})
		if !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
			t.Errorf("%s: %v, made %t", what, err, made.Data != nil)
		}
	}
}

func TestAChangeNeedsTheCurrentPassword(t *testing.T) {
	m := newMethod(t, plain)
	s := ada(t, m, good)
	change := func(current, next string) (countersign.Credential, error) {
		b, _ := json.Marshal(map[string]string{"current_password": current, "new_password": next})
		return m.Change(t.Context(), s, countersign.Evidence{Answer: b})
	}
	for what, current := range map[string]string{"a wrong one": "not this one at all", "none": "", "the new one": "gravel under the old pier"} {
		if made, err := change(current, "gravel under the old pier"); err == nil || made.Data != nil {
			t.Errorf("%s: %v, made %t", what, err, made.Data != nil)
		}
	}
	if made, err := change(good, "password"); !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
		t.Errorf("a weak new one: %v", err)
	}
	made, err := change(good, "gravel under the old pier")
	if err != nil || made.ID != s.Credentials[0].ID || made.Identity != s.Identity {
		t.Fatalf("%+v, %v", made.ID, err)
	}
	s.Credentials = []countersign.Credential{made}
	if _, err := check(t, m, s, good); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("the old one still proves: %v", err)
	}
	if _, err := check(t, m, s, "gravel under the old pier"); err != nil {
		t.Errorf("the new one does not prove: %v", err)
	}
}

// A stranger costs as much as an owner, or the time tells who has an account.
// Not timed: with a context that has ended, whoever comes as far as the hash says so.
func TestAStrangerCostsAHash(t *testing.T) {
	m := newMethod(t, plain)
	ended, end := context.WithCancel(t.Context())
	end()
	for what, s := range map[string]countersign.Subject{
		"the owner": ada(t, m, good), "a stranger": {}, "someone without a password": {Identity: "idn_eve"},
	} {
		_, err := m.Check(ended, countersign.Evidence{Subject: s, Answer: shows("wrong wrong wrong")})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: answered without a hash: %v", what, err)
		}
	}
	// What cannot be a password costs none, for an owner as for a stranger.
	for _, text := range []string{"", "a\x00b", strings.Repeat(good, 1000)} {
		for _, s := range []countersign.Subject{ada(t, m, good), {}} {
			if _, err := m.Check(ended, countersign.Evidence{Subject: s, Answer: shows(text)}); !errors.Is(err, countersign.ErrMalformed) {
				t.Errorf("%.8q: %v", text, err)
			}
		}
	}
}

func TestAFullQueueSaysComeBackLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := gate.New(gate.Options{Slots: 1, Queue: 1, Wait: time.Minute, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		m := newMethod(t, func(o *password.Options) { o.Gate = g })
		enter := func() func() {
			leave, err := m.Enter(t.Context())
			if err != nil {
				t.Errorf("there is room: %v", err)
				return func() {}
			}
			return leave
		}
		first, second := enter(), enter() // one at work, one on the way to it
		defer second()
		var third sync.WaitGroup
		third.Go(func() { enter()() }) // waits outside until the first has left
		synctest.Wait()
		var e *countersign.Error
		if _, err := m.Enter(t.Context()); !errors.As(err, &e) || !errors.Is(err, countersign.ErrOverloaded) || e.RetryAfter <= 0 {
			t.Errorf("one more than there is room for: %v", err)
		}
		first()
		third.Wait()
	})
}

func TestWeakerHashesAreReplacedWhenTheyProve(t *testing.T) {
	strong := argon.Params{MemoryKiB: 128, Time: 1, Threads: 1}
	old := newMethod(t, plain)
	m := newMethod(t, func(o *password.Options) { o.Params = strong })
	s := ada(t, old, good)
	if p, err := check(t, m, s, "wrong wrong wrong"); err == nil || p.Refresh != nil {
		t.Error("a wrong password renews a hash")
	}
	p, err := check(t, m, s, good)
	if err != nil || p.Refresh == nil || p.Refresh.ID != s.Credentials[0].ID || !strings.Contains(string(p.Refresh.Data), "m=128,") {
		t.Fatalf("%v, renewed %t", err, p.Refresh != nil)
	}
	s.Credentials[0] = *p.Refresh
	if p, err := check(t, m, s, good); err != nil || p.Refresh != nil {
		t.Errorf("%v, renewed again: %t", err, p.Refresh != nil)
	}
	if p, err := check(t, old, s, good); err != nil || p.Refresh != nil {
		t.Errorf("a stronger hash is weakened: %v, %t", err, p.Refresh != nil)
	}
}

func TestAPepperIsNeededAndComesAndGoesWithTheSettings(t *testing.T) {
	with := func(pepper string) *password.Method {
		return newMethod(t, func(o *password.Options) { o.Pepper = []byte(pepper) })
	}
	bare, salted := with(""), with("pepper of the test")
	s := ada(t, salted, good)
	if strings.HasPrefix(string(s.Credentials[0].Data), "$") || strings.Contains(string(s.Credentials[0].Data), "pepper") {
		t.Error("what is stored does not say which pepper it needs, or says the pepper")
	}
	for what, m := range map[string]*password.Method{"without the pepper": bare, "with another pepper": with("another one")} {
		if p, err := check(t, m, s, good); err == nil || errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
			t.Errorf("%s: %v; it cannot be looked at, which is no wrong password", what, err)
		}
	}
	if p, err := check(t, salted, s, good); err != nil || p.Refresh != nil {
		t.Errorf("with the pepper: %v, renewed %t", err, p.Refresh != nil)
	}
	// The mark only names the pepper; whoever writes another one into the
	// database still has not the pepper itself.
	mark, _, _ := strings.Cut(string(ada(t, with("another one"), good).Credentials[0].Data), ":")
	_, hash, _ := strings.Cut(string(s.Credentials[0].Data), ":")
	for what, forged := range map[string]string{"marked with another pepper": mark + ":" + hash, "without a mark": hash} {
		s.Credentials[0].Data = []byte(forged)
		if p, err := check(t, with("another one"), s, good); !errors.Is(err, countersign.ErrNoMatch) {
			t.Errorf("%s: %v, a proof of %q", what, err, p.Identity)
		}
	}
	s = ada(t, bare, good)
	p, err := check(t, salted, s, good)
	if err != nil || p.Refresh == nil || strings.HasPrefix(string(p.Refresh.Data), "$") {
		t.Errorf("a hash from before the pepper: %v, renewed %t", err, p.Refresh != nil)
	}
}

func TestAMethodWithoutParametersIsNotMade(t *testing.T) {
	for _, p := range []argon.Params{{}, {MemoryKiB: 64, Time: 1}, {MemoryKiB: 64, Threads: 1}, {Time: 1, Threads: 1}} {
		if _, err := password.New(password.Options{Params: p}); err == nil {
			t.Errorf("made with %+v", p)
		}
	}
}

// Whatever the bytes are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	f.Add(string(shows("wrong")))
	f.Add(`{"password":null}`)
	f.Add("{\"password\":\"\xff\"}")
	f.Add(`{"method":"password","password":"\ud800"}`)
	f.Add(`[]`)
	g, err := gate.New(gate.Options{Slots: 2, Queue: 1000, Wait: time.Minute, Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	m, err := password.New(password.Options{Params: cheap, Gate: g, Arenas: argon.NewArenas(2, cheap, time.Minute), Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	made, err := m.Enroll(f.Context(), countersign.Subject{Identity: "idn_ada"}, countersign.Evidence{Answer: shows(good)})
	if err != nil {
		f.Fatal(err)
	}
	s := countersign.Subject{Identity: "idn_ada", Credentials: []countersign.Credential{made}}
	f.Fuzz(func(t *testing.T, answer string) {
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if err == nil && !strings.Contains(answer, "lantern") || err != nil && (!errors.As(err, &known) || p.Identity != "") {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}
