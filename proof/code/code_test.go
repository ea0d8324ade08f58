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

// value is what a challenge sent, as this way answers with it.
func (w way) value(c countersign.Challenge) string {
	if w.field == "token" {
		return c.Secrets.Token
	}
	return c.Secrets.Code
}

func TestEveryWayPassesTheListOfRefusals(t *testing.T) {
	for name, w := range map[string]way{
		"a mailed code": mailedCode, "the link beside it": mailedLink, "a texted code": textedCode, "a link alone": linkAlone,
	} {
		t.Run(name, func(t *testing.T) {
			m := w.method(noon)
			refusals.Run(t, refusals.Case{
				Method: m, Life: life, Bearer: w.field == "token",
				House: func(t *testing.T) refusals.House { return newHouse(t, w) },
				Evidence: func(t *testing.T) countersign.Evidence {
					c := asked(t, m, ada)
					return countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows(m.Name(), w.field, w.value(c))}
				},
			})
		})
	}
}

// A caller who sends both would have two guesses in one try.
func TestACodeAndALinkAtOnceProveNothing(t *testing.T) {
	m := mailedCode.method(noon)
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

// What one kind does not send is no evidence for it, even if another kind's would be right.
func TestAKindTakesOnlyWhatItSends(t *testing.T) {
	mail, sms, link := mailedCode.method(noon), textedCode.method(noon), linkAlone.method(noon)
	c := asked(t, mail, ada)
	for what, e := range map[string]struct {
		m            *code.Method
		field, value string
	}{
		"a token for a texted code": {sms, "token", c.Secrets.Token},
		"a code for a link":         {link, "code", c.Secrets.Code},
	} {
		p, err := e.m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows(e.m.Name(), e.field, e.value)})
		if !errors.Is(err, countersign.ErrMalformed) || p.Identity != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Neither does nothing match nothing.
	for _, m := range []*code.Method{mail, sms, link} {
		for _, answer := range []string{"{}", `{"code":""}`, `{"token":""}`, `{"code":"","token":""}`} {
			for _, keep := range []string{"{}", `{"code":"","token":""}`, `{"code":null}`, string(asked(t, m, ada).Keep)} {
				p, err := m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: []byte(keep), Answer: []byte(answer)})
				if !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
					t.Errorf("%s: %s against %s: %v", m.Name(), answer, keep, err)
				}
			}
		}
	}
}

func TestACodeIsTakenAsPeopleTypeIt(t *testing.T) {
	for _, w := range []way{mailedCode, textedCode} {
		m := w.method(noon)
		c := asked(t, m, ada)
		right := c.Secrets.Code
		half := len(right) / 2
		wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, right)
		arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, right)
		for what, typed := range map[string]string{
			"as it is": right, "in groups": right[:half] + " " + right[half:], "with a dash": right[:half] + "-" + right[half:],
			"with a no-break space": right[:half] + "\u00a0" + right[half:], "with a dash that does not break": right[:half] + "\u2011" + right[half:],
			"with spaces around": "  " + right + "\n", "pasted with a mark that nobody sees": "\u200b" + right,
			"in full width": wide, "in Arabic": arabic, "digit by digit": strings.Join(strings.Split(right, ""), " "),
		} {
			p, err := m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows(m.Name(), "code", typed)})
			if err != nil || p.Identity != ada.Identity {
				t.Errorf("%s %s: %v", m.Name(), what, err)
			}
		}
		for what, typed := range map[string]string{
			"a digit less": right[1:], "a digit more": right + "0", "a leading zero": "0" + right, "a sign": "+" + right, "a dot": right[:half] + "." + right[half:],
			"a letter": right + "a", "in circles": strings.Repeat("①", len(right)), "a zero byte": right + "\x00", "under 256 spaces": strings.Repeat(" ", 256) + right,
		} {
			_, err := m.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows(m.Name(), "code", typed)})
			if !errors.Is(err, countersign.ErrNoMatch) {
				t.Errorf("%s with %s: %v", m.Name(), what, err)
			}
		}
	}
}

func TestWhatEachKindSends(t *testing.T) {
	for _, c := range []struct {
		m                           *code.Method
		name, channel, page, letter string
		digits                      int
		link                        bool
	}{
		{mailedCode.method(noon), "email_code", "email", "", "", 8, true},
		{textedCode.method(noon), "sms_code", "sms", "", "sms_code", 6, false},
		{linkAlone.method(noon), "magic_link", "email", "/magic-link", "magic_link", 0, true},
		{code.NewLink(code.Options{Life: life, Now: noon, Channel: "sms"}), "magic_link", "sms", "/magic-link", "magic_link", 0, true},
	} {
		if c.m.Name() != c.name || c.m.Channel() != c.channel || c.m.Factor() != countersign.Has {
			t.Errorf("%s by %s", c.m.Name(), c.m.Channel())
		}
		seen := map[string]bool{}
		for range 200 {
			a := asked(t, c.m, ada)
			s := a.Secrets
			if a.Page != c.page || a.Letter != c.letter || a.Method != c.name || (len(a.Lookup) == 32) != c.link {
				t.Fatalf("%s: %q leads to %q", c.name, a.Letter, a.Page)
			}
			if len(s.Code) != c.digits || strings.Trim(s.Code, "0123456789") != "" || strings.HasPrefix(s.Token, "cs_lnk_") != c.link || !c.link && s.Token != "" {
				t.Fatalf("%s: a code of %d digits, a link: %t", c.name, len(s.Code), s.Token != "")
			}
			seen[s.Code+s.Token] = true
		}
		if len(seen) < 198 { // 200 of a million: one chance in a thousand for two pairs
			t.Errorf("%s: 200 challenges have %d different secrets", c.name, len(seen))
		}
	}
}

func TestAChallengeKeepsNoSecretAndShowsNoAddress(t *testing.T) {
	for _, w := range []way{mailedCode, textedCode, linkAlone} {
		c := asked(t, w.method(noon), ada)
		for what, text := range map[string]string{"what is kept": string(c.Keep), "what is shown": string(c.Show), "the log": fmt.Sprintf("%v %+v", c.Secrets, c.Secrets)} {
			for _, secret := range []string{c.Secrets.Code, c.Secrets.Token} {
				if secret != "" && strings.Contains(text, secret) {
					t.Errorf("%s: %s holds the code or the link", c.Method, what)
				}
			}
		}
		if strings.Contains(string(c.Show), refusals.Ada) || !strings.Contains(string(c.Show), "2026-03-01T12:10:00Z") {
			t.Errorf("%s: shown: %s", c.Method, c.Show)
		}
		if c.Tries != 5 || !c.Expires.Equal(noon().Add(life)) {
			t.Errorf("%s: %d tries until %s", c.Method, c.Tries, c.Expires)
		}
	}
}

// A code is eight digits: whoever reads the database would find it by trying
// all, were its hash not keyed.
func TestACodeIsKeyed(t *testing.T) {
	m := mailedCode.method(noon)
	other := code.New(code.Options{Key: []byte("another key"), Life: life, Tries: 5, Now: noon})
	c := asked(t, m, ada)
	if _, err := other.Check(t.Context(), countersign.Evidence{Subject: ada, Asked: c.Keep, Answer: shows("email_code", "code", c.Secrets.Code)}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("under another key: %v", err)
	}
}

// The work, and all that can be seen of it, is the same for somebody we do not know.
func TestAStrangerIsAskedLikeAnyone(t *testing.T) {
	for _, w := range []way{mailedCode, textedCode, linkAlone} {
		m := w.method(noon)
		known, stranger := asked(t, m, ada), asked(t, m, countersign.Subject{Address: refusals.Ada})
		if !bytes.Equal(known.Show, stranger.Show) || len(known.Keep) != len(stranger.Keep) || known.Tries != stranger.Tries ||
			!known.Expires.Equal(stranger.Expires) || len(known.Secrets.Token) != len(stranger.Secrets.Token) {
			t.Errorf("%s: known %s, stranger %s", m.Name(), known.Show, stranger.Show)
		}
		_, err := m.Check(t.Context(), countersign.Evidence{Subject: stranger.Subject, Asked: stranger.Keep, Answer: shows(m.Name(), w.field, w.value(stranger))})
		if !errors.Is(err, countersign.ErrNoMatch) {
			t.Errorf("%s: a stranger's own: %v", m.Name(), err)
		}
	}
}

// Whatever the bytes and the challenge are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	all := []way{mailedCode, textedCode, linkAlone}
	c := asked(f, mailedCode.method(noon), ada)
	f.Add(string(shows("email_code", "code", "00000000")), c.Keep)
	f.Add(string(shows("magic_link", "token", "cs_lnk_")), c.Keep)
	f.Add(string(shows("sms_code", "code", "１２３ ４５６")), asked(f, textedCode.method(noon), ada).Keep)
	f.Add(`{"code":null,"token":null}`, []byte(`{"code":"","token":""}`))
	f.Add("{\"code\":\"\xff\"}", []byte("{}"))
	f.Add(`[]`, []byte(nil))
	f.Fuzz(func(t *testing.T, answer string, keep []byte) {
		for _, w := range all {
			p, err := w.method(noon).Check(t.Context(), countersign.Evidence{Subject: ada, Asked: keep, Answer: json.RawMessage(answer)})
			var known *countersign.Error
			if !errors.As(err, &known) || p.Identity != "" { // the codes are not in the corpus: one chance in a million
				t.Errorf("%v, a proof of %q", err, p.Identity)
			}
		}
	})
}
