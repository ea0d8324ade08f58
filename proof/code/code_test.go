package code_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/proof/code"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

var ada = countersign.Subject{Identity: "idn_ada", Address: refusals.Ada}

// asked is a fresh challenge.
func asked(t testing.TB, m *code.Method, s countersign.Subject) countersign.Challenge {
	t.Helper()
	c, err := m.Challenge(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACodePassesTheListOfRefusals(t *testing.T) {
	m := newMethod(noon)
	refusals.Run(t, refusals.Case{
		Method: m, Life: life,
		House: func(t *testing.T) refusals.House { return newHouse(t, false) },
		Evidence: func(t *testing.T) countersign.Evidence {
			c := asked(t, m, ada)
			return countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows("code", c.Secrets.Code)}
		},
	})
}

func TestALinkPassesTheListOfRefusals(t *testing.T) {
	m := newMethod(noon)
	refusals.Run(t, refusals.Case{
		Method: m, Life: life, Bearer: true,
		House: func(t *testing.T) refusals.House { return newHouse(t, true) },
		Evidence: func(t *testing.T) countersign.Evidence {
			c := asked(t, m, ada)
			return countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows("token", c.Secrets.Token)}
		},
	})
}

// A caller who sends both would have two guesses in one try.
func TestACodeAndALinkAtOnceProveNothing(t *testing.T) {
	m := newMethod(noon)
	c := asked(t, m, ada)
	for what, pair := range map[string][2]string{
		"both right":                 {c.Secrets.Code, c.Secrets.Token},
		"a right code, a wrong link": {c.Secrets.Code, "cs_lnk_x"},
		"a wrong code, a right link": {"00000000", c.Secrets.Token},
	} {
		b, _ := json.Marshal(map[string]string{"code": pair[0], "token": pair[1]})
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: b}); !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestACodeHasEightDigitsAndIsNewEachTime(t *testing.T) {
	m := newMethod(noon)
	seen := map[string]bool{}
	for range 200 {
		s := asked(t, m, ada).Secrets
		if len(s.Code) != 8 || strings.Trim(s.Code, "0123456789") != "" || !strings.HasPrefix(s.Token, "cs_lnk_") {
			t.Fatal("a code that is not eight digits, or a link that is none")
		}
		seen[s.Code], seen[s.Token] = true, true
	}
	if len(seen) < 399 { // one chance in five thousand for a pair among 200
		t.Errorf("200 challenges have %d different codes and links", len(seen))
	}
}

func TestAChallengeKeepsNoSecretAndShowsNoAddress(t *testing.T) {
	c := asked(t, newMethod(noon), ada)
	for what, text := range map[string]string{"what is kept": string(c.Keep), "what is shown": string(c.Show), "the log": fmt.Sprintf("%v %+v", c.Secrets, c.Secrets)} {
		if strings.Contains(text, c.Secrets.Code) || strings.Contains(text, c.Secrets.Token) {
			t.Errorf("%s holds the code or the link", what)
		}
	}
	if strings.Contains(string(c.Show), refusals.Ada) || !strings.Contains(string(c.Show), "2026-03-01T12:10:00Z") {
		t.Errorf("shown: %s", c.Show)
	}
	if c.Tries != 5 || !c.Expires.Equal(noon().Add(life)) || len(c.Lookup) != 32 || c.Method != "email_code" {
		t.Errorf("%d tries until %s", c.Tries, c.Expires)
	}
}

// A code is eight digits: whoever reads the database would find it by trying
// all, were its hash not keyed.
func TestACodeIsKeyed(t *testing.T) {
	m := newMethod(noon)
	other := code.New(code.Options{Key: []byte("another key"), Life: life, Tries: 5, Now: noon})
	c := asked(t, m, ada)
	if _, err := other.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows("code", c.Secrets.Code)}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("under another key: %v", err)
	}
}

// The work, and all that can be seen of it, is the same for somebody we do not know.
func TestAStrangerIsAskedLikeAnyone(t *testing.T) {
	m := newMethod(noon)
	known, stranger := asked(t, m, ada), asked(t, m, countersign.Subject{Address: refusals.Ada})
	if !bytes.Equal(known.Show, stranger.Show) || len(known.Keep) != len(stranger.Keep) || known.Tries != stranger.Tries || !known.Expires.Equal(stranger.Expires) {
		t.Errorf("known %s, stranger %s", known.Show, stranger.Show)
	}
	_, err := m.Check(t.Context(), countersign.Evidence{Subject: stranger.Subject, Asked: stranger.Keep, Answer: shows("code", stranger.Secrets.Code)})
	if !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("a stranger's own code: %v", err)
	}
}

// Whatever the bytes and the challenge are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	m := newMethod(noon)
	c := asked(f, m, ada)
	f.Add(string(shows("code", "00000000")), c.Keep)
	f.Add(string(shows("token", "cs_lnk_")), c.Keep)
	f.Add(`{"code":null,"token":null}`, []byte(`{"code":"","token":""}`))
	f.Add("{\"code\":\"\xff\"}", []byte("{}"))
	f.Add(`[]`, []byte(nil))
	f.Fuzz(func(t *testing.T, answer string, keep []byte) {
		if strings.Contains(answer, c.Secrets.Code) {
			return // the one in a hundred million
		}
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: keep, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if !errors.As(err, &known) || p.Identity != "" {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}
