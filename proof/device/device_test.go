package device_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/internal/secret"
	"github.com/countersign-id/countersign/proof/device"
)

var ada = countersign.Subject{Identity: "idn_ada", Address: refusals.Ada}

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// clocked is a method whose clock the test moves.
func clocked() (*device.Method, *time.Time) {
	at := noon()
	return device.New(device.Options{Now: func() time.Time { return at }}), &at
}

func shows(token string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"method": "device", "token": token})
	return b
}

// prepare makes a token, and reads it as the door would.
func prepare(t testing.TB, m *device.Method, s countersign.Subject) (countersign.Challenge, string) {
	t.Helper()
	c, err := m.Prepare(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var show struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(c.Show, &show); err != nil {
		t.Fatal(err)
	}
	return c, show.Token
}

func enrolled(t testing.TB, m *device.Method, s countersign.Subject, name string) (countersign.Credential, string) {
	t.Helper()
	c, token := prepare(t, m, s)
	answer, _ := json.Marshal(map[string]string{"method": "device", "name": name})
	made, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: c.Keep, Answer: answer})
	if err != nil {
		t.Fatal(err)
	}
	made.ID = countersign.CredentialID("crd_" + made.Lookup[:8])
	return made, token
}

func owner(t testing.TB, m *device.Method) (countersign.Subject, string) {
	t.Helper()
	s := ada
	made, token := enrolled(t, m, s, "Chrome on a Mac")
	s.Credentials = []countersign.Credential{made}
	return s, token
}

// It is not in the list that every way to sign in passes, because it is none:
// its proof shows no factor. What the list derives is refused all the same.
func TestWhatIsNotTheTokenIsRefused(t *testing.T) {
	m, _ := clocked()
	s, token := owner(t, m)
	p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(token)})
	want := countersign.Proof{Identity: "idn_ada", Credential: s.Credentials[0].ID, Method: "device", At: noon()}
	if err != nil || !cmp.Equal(p, want) || m.Factor() != 0 {
		t.Fatalf("the right token: %v\n%s", err, cmp.Diff(want, p))
	}
	deny := func(what string, who countersign.Subject, answer json.RawMessage) {
		t.Helper()
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: who, Answer: answer})
		if !errors.Is(err, countersign.ErrNoMatch) && !errors.Is(err, countersign.ErrMalformed) || p.Identity != "" {
			t.Errorf("%s: %v, a proof of %q", what, err, p.Identity)
		}
	}
	for what, bad := range refusals.Bad(t, shows(token)) {
		deny(what, s, bad)
	}
	_, other := owner(t, m)
	deny("a token of another browser", s, shows(other))
	link, _ := secret.New(secret.Link)
	deny("a token of another kind", s, shows(link))
	deny("the hash that is stored", s, shows(s.Credentials[0].Lookup))
	deny("a stranger", countersign.Subject{Address: refusals.Ada}, shows(token))
	deny("somebody else", countersign.Subject{Identity: "idn_eve"}, shows(token))
	nobody := s
	nobody.Identity = ""
	deny("nobody, with her credentials", nobody, shows(token))
	elsewhere := s
	elsewhere.Credentials = []countersign.Credential{s.Credentials[0]}
	elsewhere.Credentials[0].Method = "recovery_code"
	deny("a credential of another method", elsewhere, shows(token))
}

func TestABrowserIsRememberedForThirtyDays(t *testing.T) {
	m, at := clocked()
	s, token := owner(t, m)
	if want := map[string]any{"expires_at": "2026-03-31T12:00:00Z"}; !cmp.Equal(m.Detail(s.Credentials[0]), want) {
		t.Errorf("told: %v", m.Detail(s.Credentials[0]))
	}
	*at = noon().Add(30*24*time.Hour - time.Second)
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(token)}); err != nil || p.Renew != nil {
		t.Errorf("in the last second: %v, renewed %t", err, p.Renew != nil)
	}
	*at = noon().Add(30 * 24 * time.Hour)
	var e *countersign.Error
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(token)}); !errors.As(err, &e) || !errors.Is(err, countersign.ErrNoMatch) || e.Reason != "remembered too long ago" || p.Identity != "" {
		t.Errorf("a second later: %v", err)
	}
	hour := device.New(device.Options{Life: time.Hour, Now: func() time.Time { return noon().Add(time.Hour) }})
	if _, err := hour.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(token)}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("after an hour, where that is the setting: %v", err)
	}
}

func TestEachOfSeveralBrowsersIsKnownByItsOwnToken(t *testing.T) {
	m, _ := clocked()
	s := ada
	var tokens []string
	for range 25 { // more than may be kept, should there ever be
		made, token := enrolled(t, m, s, "")
		s.Credentials, tokens = append(s.Credentials, made), append(tokens, token)
	}
	for i, token := range tokens {
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(token)}); err != nil || p.Credential != s.Credentials[i].ID {
			t.Errorf("browser %d: %v", i, err)
		}
	}
	s.Credentials = slices.Delete(s.Credentials, 3, 4)
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(tokens[3])}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("one that was removed: %v", err)
	}
}

func TestOnlyAHashIsKept(t *testing.T) {
	m, _ := clocked()
	c, token := prepare(t, m, ada)
	made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: c.Keep, Answer: json.RawMessage(`{"method":"device"}`)})
	hash, ok := secret.Hash(secret.Device, token)
	if err != nil || !ok || made.Lookup != hex.EncodeToString(hash[:]) || made.Identity != ada.Identity || made.Method != "device" || !made.CreatedAt.Equal(noon()) {
		t.Fatalf("%v, a token of ours %t", err, ok)
	}
	if strings.Contains(string(made.Data)+string(c.Keep)+made.Lookup, token[len("cs_dev_"):]) {
		t.Error("the token is kept")
	}
}

func TestANameIsCutToWhatFitsALine(t *testing.T) {
	m, _ := clocked()
	for name, want := range map[string]string{
		"Chrome on a Mac": "Chrome on a Mac", " Firefox\r\n\x1b[31m ": "Firefox[31m", strings.Repeat("ä", 100): strings.Repeat("ä", 60), "": "", "\x00": "",
	} {
		if made, _ := enrolled(t, m, ada, name); made.Name != want {
			t.Errorf("%q is called %q", name, made.Name)
		}
	}
}

func TestNothingIsRememberedThatWasNotPrepared(t *testing.T) {
	m, _ := clocked()
	c, _ := prepare(t, m, ada)
	right := json.RawMessage(`{"method":"device","name":"x"}`)
	for what, e := range map[string]countersign.Evidence{
		"nothing prepared":   {Answer: right},
		"no challenge":       {Asked: []byte("{"), Answer: right},
		"an empty challenge": {Asked: []byte("{}"), Answer: right},
		"a short hash":       {Asked: []byte(`{"identity":"idn_ada","hash":"AAAA"}`), Answer: right},
		"a token of its own": {Asked: c.Keep, Answer: json.RawMessage(`{"method":"device","token":"cs_dev_x"}`)},
		"a list":             {Asked: c.Keep, Answer: json.RawMessage(`[]`)},
		"a name of numbers":  {Asked: c.Keep, Answer: json.RawMessage(`{"method":"device","name":1}`)},
	} {
		made, err := m.Enroll(t.Context(), ada, e)
		if !errors.Is(err, countersign.ErrNoMatch) && !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
			t.Errorf("%s: %v, made %t", what, err, made.Data != nil)
		}
	}
	if made, err := m.Enroll(t.Context(), countersign.Subject{Identity: "idn_eve"}, countersign.Evidence{Asked: c.Keep, Answer: right}); !errors.Is(err, countersign.ErrNoMatch) || made.Data != nil {
		t.Errorf("what was prepared for somebody else: %v", err)
	}
}

func TestDataThatCannotBeReadKnowsNobodyAndHidesNobody(t *testing.T) {
	m, _ := clocked()
	s, token := owner(t, m)
	for _, data := range []string{"", "{", "{}", `{"hash":""}`, `{"hash":"AAAA"}`} {
		with := s
		with.Credentials = append([]countersign.Credential{{ID: "crd_spoiled", Method: "device", Data: []byte(data), CreatedAt: noon()}}, s.Credentials...)
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: with, Answer: shows(token)}); err != nil {
			t.Errorf("%s beside a good one: %v", data, err)
		}
		with.Credentials = with.Credentials[:1]
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: with, Answer: shows(token)})
		if err == nil || errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" || !strings.Contains(err.Error(), "crd_spoiled") {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestItsWordsAreInEachLanguage(t *testing.T) {
	m, _ := clocked()
	words, err := lang.Load([]string{"en", "de"}, m.Files())
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Errorf("the languages differ: %s", strings.Join(gaps, "; "))
	}
	for _, locale := range []string{"en", "de"} {
		for _, key := range []string{"title", "offer", "ask", "choose", "about", "remember", "until", "added", "removed", "error.no_match", "error.required", "error.invalid"} {
			if words.Printer(locale).T("device."+key) == "device."+key {
				t.Errorf("%s: no words for %s", locale, key)
			}
		}
	}
}

// Whatever the bytes are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	m, _ := clocked()
	s, token := owner(f, m)
	other, _ := secret.New(secret.Device)
	f.Add(string(shows(other)))
	f.Add(`{"token":null}`)
	f.Add("{\"token\":\"\xff\"}")
	f.Add(`{"method":"device","token":"cs_dev_"}`)
	f.Fuzz(func(t *testing.T, answer string) {
		if strings.Contains(answer, token) {
			return
		}
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if !errors.As(err, &known) || p.Identity != "" {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}

// Whatever is kept and answered: remembered for whom it was prepared, never a panic.
func FuzzEnroll(f *testing.F) {
	m, _ := clocked()
	c, _ := prepare(f, m, ada)
	f.Add(`{"method":"device","name":"Chrome on a Mac"}`, c.Keep)
	f.Add(`{"name":"\u0000\u2028"}`, []byte(`{"identity":"idn_ada","hash":null}`))
	f.Fuzz(func(t *testing.T, answer string, keep []byte) {
		made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: keep, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if err != nil && (!errors.As(err, &known) || made.Data != nil) || err == nil && (len(made.Lookup) != 64 || len([]rune(made.Name)) > 60) {
			t.Errorf("%v, made %t", err, made.Data != nil)
		}
	})
}
