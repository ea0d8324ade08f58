package reset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/proof/reset"
)

var (
	nothing = json.RawMessage(`{"method":"factor_reset"}`)
	lost    = []string{"totp", "passkey", "recovery_code", "device"}
)

// begun is somebody with two factors who has asked for a reset at noon, by a clock that the test moves.
func begun(t testing.TB, change func(*reset.Options)) (*reset.Method, countersign.Subject, *time.Time) {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	o := reset.Options{Lost: lost, Now: func() time.Time { return at }}
	change(&o)
	m := reset.New(o)
	s := countersign.Subject{Identity: "idn_ada", Address: refusals.Ada, Credentials: []countersign.Credential{
		{ID: "crd_password", Method: "password"}, {ID: "crd_app", Method: "totp"}, {ID: "crd_tablet", Method: "totp"}, {ID: "crd_key", Method: "passkey"},
		{ID: "crd_codes", Method: "recovery_code"}, {ID: "crd_laptop", Method: "device"}, {ID: "crd_other", Method: "ssh_key"},
	}}
	made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: nothing})
	if err != nil {
		t.Fatal(err)
	}
	made.ID = "crd_reset"
	s.Credentials = append(s.Credentials, made)
	return m, s, &at
}

func usual(*reset.Options) {}

func TestAResetProvesAfterItsWaitAndNotForEver(t *testing.T) {
	m, s, at := begun(t, usual)
	from := *at
	deny := func(what string, after time.Duration, reason string) {
		t.Helper()
		*at = from.Add(after)
		var e *countersign.Error
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: nothing})
		if !errors.As(err, &e) || !errors.Is(err, countersign.ErrNoMatch) || e.Reason != reason || p.Identity != "" || p.Ends != nil {
			t.Errorf("%s: %v, ends %v", what, err, p.Ends)
		}
	}
	allow := func(what string, after time.Duration) {
		t.Helper()
		*at = from.Add(after)
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: nothing})
		want := countersign.Proof{Identity: "idn_ada", Credential: "crd_reset", Method: "factor_reset", At: *at,
			Ends: []countersign.CredentialID{"crd_app", "crd_tablet", "crd_key", "crd_codes", "crd_laptop", "crd_reset"}}
		if err != nil || !cmp.Equal(p, want) {
			t.Errorf("%s: %v\n%s", what, err, cmp.Diff(want, p))
		}
	}
	deny("at once", 0, "still waiting")
	deny("a day later", 24*time.Hour, "still waiting")
	c, _ := s.Credential("factor_reset")
	ready, until, _ := m.Ready(c)
	deny("just before three days", ready.Sub(from)-time.Nanosecond, "still waiting")
	allow("after three days", ready.Sub(from))
	allow("just before a week after that", until.Sub(from)-time.Nanosecond)
	deny("a week after that", until.Sub(from), "too late")
	deny("a year later", 365*24*time.Hour, "too late")
	deny("with the clock set back", -time.Hour, "still waiting")
}

func TestTheTimesAreThoseOfTheSettingsThenAndWereTold(t *testing.T) {
	m, s, at := begun(t, func(o *reset.Options) { o.Wait, o.Open = time.Hour, 2*time.Hour })
	c, _ := s.Credential("factor_reset")
	ready, until, ok := m.Ready(c)
	if want := time.Date(2026, 3, 1, 13, 0, 1, 0, time.UTC); !ok || !ready.Equal(want) || !until.Equal(want.Add(2*time.Hour)) {
		t.Errorf("from %s until %s, %t", ready, until, ok)
	}
	if want := map[string]any{"ready_at": "2026-03-01T13:00:01Z", "until": "2026-03-01T15:00:01Z"}; !cmp.Equal(m.Detail(c), want) {
		t.Errorf("told: %v", m.Detail(c))
	}
	longer := reset.New(reset.Options{Lost: lost, Now: func() time.Time { return at.Add(90 * time.Minute) }})
	if _, err := longer.Check(t.Context(), countersign.Evidence{Subject: s, Answer: nothing}); err != nil {
		t.Errorf("a setting that came later moves it: %v", err)
	}
	if _, _, ok := m.Ready(countersign.Credential{Method: "totp", Data: c.Data}); ok {
		t.Error("another method's credential waits for a reset")
	}
}

// A wait of nothing would be no wait: it takes an Options that says so in seconds.
func TestOptionsWithoutTimesWaitThreeDays(t *testing.T) {
	for _, wait := range []time.Duration{0, -time.Hour} {
		m, s, at := begun(t, func(o *reset.Options) { o.Wait, o.Open = wait, wait })
		c, _ := s.Credential("factor_reset")
		if ready, until, ok := m.Ready(c); !ok || ready.Sub(*at) < 72*time.Hour || until.Sub(ready) != 7*24*time.Hour {
			t.Errorf("%s: from %s until %s", wait, ready, until)
		}
	}
}

func TestToAskAgainNeitherShortensNorProlongsTheWait(t *testing.T) {
	m, s, at := begun(t, usual)
	from := *at
	s.Credentials[len(s.Credentials)-1].Lookup = "of the link that cancels"
	first, _ := s.Credential("factor_reset")
	again := func(after time.Duration) countersign.Credential {
		t.Helper()
		*at = from.Add(after)
		made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: nothing})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	for _, after := range []time.Duration{time.Minute, 71 * time.Hour, 72*time.Hour + time.Second, 10 * 24 * time.Hour} {
		if got := again(after); string(got.Data) != string(first.Data) || got.Lookup != first.Lookup {
			t.Errorf("after %s the times are others, or the link is", after)
		}
	}
	next := again(11 * 24 * time.Hour)
	if ready, _, _ := m.Ready(next); ready.Sub(*at) < 72*time.Hour || next.Lookup != "" {
		t.Errorf("when the first has passed, the next waits until %s only", ready)
	}
}

func TestNobodyElseAndNothingMoreProves(t *testing.T) {
	m, s, at := begun(t, usual)
	*at = at.Add(80 * time.Hour)
	without := s
	without.Credentials = s.Credentials[:len(s.Credentials)-1]
	nobody := s
	nobody.Identity = ""
	for what, who := range map[string]countersign.Subject{"one who has not asked": without, "nobody": nobody, "a stranger": {Address: refusals.Ada}, "Eve": {Identity: "idn_eve"}} {
		var e *countersign.Error
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: who, Answer: nothing}); !errors.As(err, &e) || e.Reason != "not waiting" || p.Identity != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, bad := range refusals.Bad(t, nothing) {
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: bad}); !errors.Is(err, countersign.ErrMalformed) || p.Identity != "" {
			t.Errorf("%s: %v", what, err)
		}
		if made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: bad}); !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
			t.Errorf("%s begins a wait: %v", what, err)
		}
	}
	if m.Factor() != 0 || m.Factor().Count() != 0 {
		t.Error("to wait is a factor")
	}
}

func TestDataThatCannotBeReadIsNoWaitThatIsOver(t *testing.T) {
	m, s, at := begun(t, usual)
	*at = at.Add(80 * time.Hour)
	c := &s.Credentials[len(s.Credentials)-1]
	for _, data := range []string{"", "{", "{}", "null", `{"ready_at":"2026-01-01T00:00:00Z"}`, `{"ready_at":"2026-03-02T00:00:00Z","until":"2026-03-01T00:00:00Z"}`, `{"until":"2027-03-01T00:00:00Z"}`} {
		c.Data = []byte(data)
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: nothing})
		if err == nil || errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" || !strings.Contains(err.Error(), "crd_reset") {
			t.Errorf("%s: %v", data, err)
		}
		if _, _, ok := m.Ready(*c); ok || len(m.Detail(*c)) != 0 {
			t.Errorf("%s is told as a time", data)
		}
		if made, err := m.Enroll(t.Context(), s, countersign.Evidence{Answer: nothing}); err != nil || !bytes.Contains(made.Data, []byte("2026-03-07")) {
			t.Errorf("%s keeps a new one from waiting: %v", data, err)
		}
	}
}

func TestTheFormsSpeakEachLanguage(t *testing.T) {
	m, _, _ := begun(t, usual)
	words, err := lang.Load([]string{"en", "de"}, m.Files())
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Errorf("the languages differ: %s", strings.Join(gaps, "; "))
	}
	for _, locale := range []string{"en", "de"} {
		for _, key := range []string{"title", "offer", "ask", "choose", "about", "submit", "use", "waiting", "added", "removed", "error.no_match", "error.required", "error.invalid"} {
			if words.Printer(locale).T("factor_reset."+key) == "factor_reset."+key {
				t.Errorf("%s: no words for %s", locale, key)
			}
		}
		for _, name := range []string{"form.html", "enroll.html"} {
			page, err := template.ParseFS(m.Files(), name)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := page.ExecuteTemplate(&b, name, words.Printer(locale)); err != nil || strings.Contains(b.String(), "factor_reset") {
				t.Errorf("%s, %s: %v\n%s", locale, name, err, b.String())
			}
		}
	}
}

// Whatever the bytes are: a reset that is over or none, never a panic.
func FuzzCheck(f *testing.F) {
	m, s, at := begun(f, usual)
	good := slices.Clone(s.Credentials[len(s.Credentials)-1].Data)
	*at = at.Add(24 * time.Hour)
	f.Add(string(nothing), good)
	f.Add(`{"method":"factor_reset","ready_at":"2020-01-01T00:00:00Z"}`, good)
	f.Add(`[]`, []byte(`{}`))
	f.Fuzz(func(t *testing.T, answer string, data []byte) {
		mine := s
		mine.Credentials = []countersign.Credential{{ID: "crd_reset", Method: "factor_reset", Data: data}}
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: mine, Answer: json.RawMessage(answer)})
		ready, until, ok := m.Ready(mine.Credentials[0])
		if open := ok && !at.Before(ready) && at.Before(until); err == nil != (p.Identity != "") || err == nil && !open {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}
