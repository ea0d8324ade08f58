package totp_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/proof/totp"
)

var ada = countersign.Subject{Identity: "idn_ada", Address: refusals.Ada}

// owner is Ada with one app, set up an hour ago.
func owner(t testing.TB, m *totp.Method) (countersign.Subject, string) {
	t.Helper()
	s := ada
	made, key := enrolled(t, m, s, noon().Add(-time.Hour))
	s.Credentials = []countersign.Credential{made}
	return s, key
}

func TestACodePassesTheListOfRefusals(t *testing.T) {
	m := newMethod(noon)
	refusals.Run(t, refusals.Case{
		Method: m, Life: life,
		House: func(t *testing.T) refusals.House { return newHouse(t) },
		Evidence: func(t *testing.T) countersign.Evidence {
			s, key := owner(t, m)
			return countersign.Evidence{Subject: s, Answer: shows(app(t, key, noon()))}
		},
	})
}

// clocked is a method whose clock the test moves.
func clocked() (*totp.Method, *time.Time) {
	at := noon()
	return newMethod(func() time.Time { return at }), &at
}

func TestAStepIsUsedOnceAndNoneBeforeItAfterwards(t *testing.T) {
	m, at := clocked()
	s, key := owner(t, m)
	try := func(off time.Duration) error {
		t.Helper()
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(app(t, key, at.Add(off)))})
		if err == nil {
			if p.Renew == nil || p.Renew.ID != s.Credentials[0].ID || p.Credential != p.Renew.ID || !p.Renew.UsedAt.Equal(*at) || p.Renew.Method != "totp" {
				t.Fatal("a proof that does not use its step up")
			}
			s.Credentials = []countersign.Credential{*p.Renew}
		}
		return err
	}
	deny := func(what string, off time.Duration) {
		t.Helper()
		var e *countersign.Error
		if err := try(off); !errors.As(err, &e) || !errors.Is(err, countersign.ErrNoMatch) || !strings.Contains(e.Reason, "used") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := try(0); err != nil {
		t.Fatalf("the code of now: %v", err)
	}
	deny("the same once more", 0)
	deny("the one before it", -step)
	if err := try(step); err != nil {
		t.Errorf("the next, by a phone that is ahead: %v", err)
	}
	deny("the code of now, after the next", 0)
	*at = at.Add(step)
	deny("the next, when its time has come", 0)
	*at = at.Add(step)
	if err := try(0); err != nil {
		t.Errorf("the one after: %v", err)
	}
	*at = at.Add(-time.Hour) // a clock that was set back
	deny("an old one, with the clock set back", 0)
}

func TestTheCodeThatSetsAnAppUpIsUsed(t *testing.T) {
	m := newMethod(noon)
	s := ada
	made, key := enrolled(t, m, s, noon())
	s.Credentials = []countersign.Credential{made}
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(app(t, key, noon()))}); !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
		t.Errorf("the code it was set up with: %v", err)
	}
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(app(t, key, noon().Add(step)))}); err != nil {
		t.Errorf("the next: %v", err)
	}
}

func TestAnyOfSeveralAppsProves(t *testing.T) {
	m := newMethod(noon)
	s := ada
	var keys []string
	for range 10 {
		made, key := enrolled(t, m, s, noon().Add(-time.Hour))
		s.Credentials, keys = append(s.Credentials, made), append(keys, key)
	}
	s.Credentials = append(s.Credentials, countersign.Credential{ID: "crd_other", Method: "password", Data: []byte("$argon2id$…")})
	for i, key := range keys {
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(app(t, key, noon()))})
		if err != nil || p.Credential != s.Credentials[i].ID || string(p.Renew.Data) == string(s.Credentials[i].Data) {
			t.Errorf("app %d: %v, proved by %s", i, err, p.Credential)
		}
	}
	stranger := s
	stranger.Identity = ""
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: stranger, Answer: shows(app(t, keys[0], noon()))}); !errors.Is(err, countersign.ErrNoMatch) || p.Renew != nil {
		t.Errorf("nobody: %v", err)
	}
}

// What another method keeps is its own, even where it looks like ours.
func TestACredentialOfAnotherMethodIsNoApp(t *testing.T) {
	m := newMethod(noon)
	s, key := owner(t, m)
	s.Credentials[0].Method = "hardware_token"
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(app(t, key, noon()))}); !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
		t.Errorf("%v, a proof of %q", err, p.Identity)
	}
}

// An app whose data is spoiled locks nobody out of the others, and does not pass for a wrong code.
func TestDataThatCannotBeReadIsNoWrongCode(t *testing.T) {
	m := newMethod(noon)
	s, key := owner(t, m)
	for _, data := range []string{"", "{", "{}", `{"secret":"AAAA","step":0}`, `{"secret":null}`} {
		with := s
		with.Credentials = append([]countersign.Credential{{ID: "crd_spoiled", Method: "totp", Data: []byte(data)}}, s.Credentials...)
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: with, Answer: shows(app(t, key, noon()))}); err != nil {
			t.Errorf("%s beside a good one: %v", data, err)
		}
		with.Credentials = with.Credentials[:1]
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: with, Answer: shows("123456")})
		if err == nil || errors.Is(err, countersign.ErrNoMatch) || !strings.Contains(err.Error(), "crd_spoiled") || p.Identity != "" {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestNothingIsSetUpWithoutACodeOfIt(t *testing.T) {
	m := newMethod(noon)
	p, other := prepare(t, m, ada), prepare(t, m, ada)
	right := app(t, p.Secret, noon())
	for what, e := range map[string]countersign.Evidence{
		"a wrong code":           {Asked: p.Keep, Answer: shows(app(t, other.Secret, noon()))},
		"an older code":          {Asked: p.Keep, Answer: shows(app(t, p.Secret, noon().Add(-2*step)))},
		"an empty code":          {Asked: p.Keep, Answer: shows("")},
		"a code of five":         {Asked: p.Keep, Answer: shows(right[:5])},
		"nothing prepared":       {Answer: shows(right)},
		"no challenge":           {Asked: []byte("{"), Answer: shows(right)},
		"an empty challenge":     {Asked: []byte("{}"), Answer: shows(app(t, "", noon()))},
		"nobody's empty secret":  {Asked: []byte(`{"identity":"idn_ada"}`), Answer: shows(app(t, "", noon()))},
		"a short secret":         {Asked: []byte(`{"identity":"idn_ada","secret":"AAAA"}`), Answer: shows(app(t, "AAAAA", noon()))},
		"the challenge of other": {Asked: other.Keep, Answer: shows(right)},
		"an unknown field":       {Asked: p.Keep, Answer: json.RawMessage(`{"method":"totp","code":"` + right + `","secret":"x"}`)},
		"a name over two lines":  {Asked: p.Keep, Answer: json.RawMessage(`{"method":"totp","code":"` + right + `","name":"a\nb"}`)},
		"an endless name":        {Asked: p.Keep, Answer: json.RawMessage(`{"method":"totp","code":"` + right + `","name":"` + strings.Repeat("a", 61) + `"}`)},
	} {
		made, err := m.Enroll(t.Context(), ada, e)
		if !errors.Is(err, countersign.ErrNoMatch) && !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
			t.Errorf("%s: %v, made %t", what, err, made.Data != nil)
		}
	}
	eve := countersign.Subject{Identity: "idn_eve", Address: refusals.Eve}
	if made, err := m.Enroll(t.Context(), eve, countersign.Evidence{Asked: p.Keep, Answer: shows(right)}); !errors.Is(err, countersign.ErrNoMatch) || made.Data != nil {
		t.Errorf("what was prepared for somebody else: %v", err)
	}
	made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: p.Keep, Answer: json.RawMessage(`{"method":"totp","code":"` + right[:3] + " " + right[3:] + `","name":" My phone "}`)})
	if err != nil || made.Identity != ada.Identity || made.Method != "totp" || made.Name != "My phone" || !made.CreatedAt.Equal(noon()) || !made.UsedAt.IsZero() {
		t.Errorf("%v, %s named %q", err, made.Method, made.Name)
	}
	if len(m.Detail(made)) != 0 {
		t.Error("a detail is told of a secret")
	}
}

func TestASecretIsNewEachTimeAndLeavesInWhatIsShownAlone(t *testing.T) {
	m := newMethod(noon)
	seen := map[string]bool{}
	for range 100 {
		p := prepare(t, m, ada)
		if len(p.Secret) != 32 || seen[p.Secret] {
			t.Fatalf("a secret of %d characters, seen before: %t", len(p.Secret), seen[p.Secret])
		}
		seen[p.Secret] = true
		if p.Tries != 10 || !p.Challenge.Expires.Equal(noon().Add(15*time.Minute)) || !p.Expires.Equal(p.Challenge.Expires) || p.Method != "totp" || p.Lookup != nil {
			t.Fatalf("%d tries until %s", p.Tries, p.Expires)
		}
		if strings.Contains(string(p.Keep), p.Secret) || slices.Contains([]string{p.Secrets.Code, p.Secrets.Token}, p.Secret) {
			t.Fatal("the secret stands where it is not sealed")
		}
	}
}

// The work is the same whoever it is for, as far as it can be counted: not timed, but by what is allocated.
func TestAStrangerCostsWhatAnOwnerCosts(t *testing.T) {
	m := newMethod(noon)
	one, _ := owner(t, m)
	ten := one
	for len(ten.Credentials) < 10 {
		made, _ := enrolled(t, m, ada, noon().Add(-time.Hour))
		ten.Credentials = append(slices.Clone(ten.Credentials), made)
	}
	cost := func(s countersign.Subject, code string) float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(code)}); !errors.Is(err, countersign.ErrNoMatch) {
				t.Fatal(err)
			}
		})
	}
	want := cost(one, "000000")
	for what, s := range map[string]countersign.Subject{"a stranger": {}, "one without an app": ada, "one with ten": ten} {
		if got := cost(s, "000000"); got < want-2 || got > want+2 {
			t.Errorf("%s: %.0f allocations, an owner %.0f", what, got, want)
		}
	}
}

// Whatever the bytes are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	m := newMethod(noon)
	s, _ := owner(f, m)
	f.Add(string(shows("000000")))
	f.Add(`{"code":null}`)
	f.Add("{\"code\":\"\xff\"}")
	f.Add(`{"method":"totp","code":"１２３４５６"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, answer string) {
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		// To guess one of three in a million is the fuzzer's right, so what it proves must at least be hers.
		if err == nil && (p.Identity != s.Identity || p.Renew == nil) || err != nil && (!errors.As(err, &known) || p.Identity != "") {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}

// Whatever is kept and answered: set up only with the code, never a panic.
func FuzzEnroll(f *testing.F) {
	m := newMethod(noon)
	p := prepare(f, m, ada)
	f.Add(string(shows("000000")), p.Keep)
	f.Add(`{"code":"","name":"\u0000"}`, []byte("{}"))
	f.Add(`{}`, []byte(`{"identity":"idn_ada","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Fuzz(func(t *testing.T, answer string, keep []byte) {
		made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: keep, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if err != nil && (!errors.As(err, &known) || made.Data != nil) || err == nil && made.Identity != ada.Identity {
			t.Errorf("%v, made %t", err, made.Data != nil)
		}
	})
}
