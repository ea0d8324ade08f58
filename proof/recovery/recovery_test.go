package recovery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/internal/refusals"
	"github.com/countersign-id/countersign/proof/recovery"
)

var ada = countersign.Subject{Identity: "idn_ada", Address: refusals.Ada}

func owner(t testing.TB, m *recovery.Method) (countersign.Subject, []string) {
	t.Helper()
	s := ada
	made, codes := enrolled(t, m, s)
	s.Credentials = []countersign.Credential{made}
	return s, codes
}

func TestACodePassesTheListOfRefusals(t *testing.T) {
	m := newMethod()
	refusals.Run(t, refusals.Case{
		Method: m, Life: life,
		House: func(t *testing.T) refusals.House { return newHouse(t) },
		Evidence: func(t *testing.T) countersign.Evidence {
			s, codes := owner(t, m)
			return countersign.Evidence{Subject: s, Answer: shows(codes[0])}
		},
	})
}

func TestEachCodeProvesOnceInAnyOrder(t *testing.T) {
	m := newMethod()
	s, codes := owner(t, m)
	for i, at := range []int{9, 0, 4, 5, 3, 1, 8, 2, 7, 6} {
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(codes[at])})
		if err != nil || p.Renew == nil || p.Credential != "crd_1" || !p.Renew.UsedAt.Equal(noon()) {
			t.Fatalf("code %d: %v", at, err)
		}
		if want := map[string]any{"left": 9 - i, "of": 10}; !cmp.Equal(m.Detail(*p.Renew), want) {
			t.Errorf("after %d codes: %v", i+1, m.Detail(*p.Renew))
		}
		if p.Tell != "recovery_code_used" || p.Told["left"] != fmt.Sprint(9-i) || len(p.Told) != 1 {
			t.Errorf("the owner is told %s: %v", p.Tell, p.Told)
		}
		if want := map[string]any{"left": 10 - i, "of": 10}; !cmp.Equal(m.Detail(s.Credentials[0]), want) {
			t.Error("to prove changes the credential that is stored")
		}
		s.Credentials = []countersign.Credential{*p.Renew}
		for _, used := range append(codes[at:at+1:at+1], "0000-0000-0000-0000") {
			if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(used)}); !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" {
				t.Errorf("code %d once more, or none of them: %v", at, err)
			}
		}
	}
}

func TestANewSetEndsTheOld(t *testing.T) {
	m := newMethod()
	s, old := owner(t, m)
	next, codes := enrolled(t, m, ada)
	next.ID, next.CreatedAt = "crd_2", noon().Add(1)
	s.Credentials = append(s.Credentials, next) // even while both are stored
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(old[0])}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("a code of the old set: %v", err)
	}
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(codes[0])}); err != nil || p.Credential != "crd_2" {
		t.Errorf("a code of the new set: %v", err)
	}
}

func TestACodeIsReadAsPeopleCopyIt(t *testing.T) {
	m := newMethod()
	s, codes := owner(t, m)
	right := codes[3]
	wide := strings.Map(func(r rune) rune { return r - '!' + '！' }, strings.ReplaceAll(right, "-", ""))
	for what, text := range map[string]string{
		"in capitals": strings.ToUpper(right), "without dashes": strings.ReplaceAll(right, "-", ""), "with spaces": " " + strings.ReplaceAll(right, "-", " ") + "\n",
		"with other dashes": strings.ReplaceAll(right, "-", "–"), "with no-break spaces": strings.ReplaceAll(right, "-", "\u00a0"),
		"o for zero":  strings.ReplaceAll(right, "0", "o"),
		"O for zero":  strings.ReplaceAll(right, "0", "O"),
		"l for one":   strings.ReplaceAll(right, "1", "l"),
		"I for one":   strings.ReplaceAll(right, "1", "I"),
		"full-width":  wide,
		"wide, upper": strings.ToUpper(wide),
	} {
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(text)}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, text := range map[string]string{
		"a dot between": strings.ReplaceAll(right, "-", "."), "a letter that no code has": "u" + right[1:], "two codes": right + codes[4],
		"two codes in a row": right + " " + codes[4], "a blank": " - ", "a hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(text)}); !errors.Is(err, countersign.ErrNoMatch) || p.Renew != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestASetIsTenCodesOfEightyBitsThatAreNotKept(t *testing.T) {
	m := newMethod()
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$`)
	seen, letters := map[string]bool{}, map[rune]bool{}
	for range 20 {
		c, codes := prepare(t, m, ada)
		made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: c.Keep, Answer: nothing})
		if err != nil || len(codes) != 10 || !cmp.Equal(m.Detail(made), map[string]any{"left": 10, "of": 10}) || made.Method != "recovery_code" || made.Identity != ada.Identity || made.Name != "" || made.Lookup != "" {
			t.Fatalf("%d codes: %v", len(codes), err)
		}
		for _, code := range codes {
			if !form.MatchString(code) || seen[code] {
				t.Fatalf("a code that has not the form, or comes twice")
			}
			seen[code] = true
			bare := strings.ReplaceAll(code, "-", "")
			if strings.Contains(string(c.Keep)+string(made.Data), bare) || strings.Contains(string(c.Keep)+string(made.Data), code) {
				t.Fatal("a code is kept as it is")
			}
			for _, r := range bare {
				letters[r] = true
			}
		}
	}
	if len(letters) != 32 { // of 3200 characters: none is missing but once in 10^42
		t.Errorf("codes are made of %d characters", len(letters))
	}
}

func TestNothingIsSetUpThatWasNotShown(t *testing.T) {
	m := newMethod()
	c, _ := prepare(t, m, ada)
	for what, e := range map[string]countersign.Evidence{
		"nothing prepared":   {Answer: nothing},
		"no challenge":       {Asked: []byte("{"), Answer: nothing},
		"an empty challenge": {Asked: []byte("{}"), Answer: nothing},
		"nine hashes":        {Asked: []byte(`{"identity":"idn_ada","hashes":[` + strings.TrimSuffix(strings.Repeat(`"AAAA",`, 9), ",") + `]}`), Answer: nothing},
		"hashes that are none": {Asked: []byte(`{"identity":"idn_ada","hashes":[` + strings.TrimSuffix(strings.Repeat(`"AAAA",`, 10), ",") + `]}`),
			Answer: nothing},
		"codes of their own": {Asked: c.Keep, Answer: json.RawMessage(`{"method":"recovery_code","codes":["a"]}`)},
		"a list":             {Asked: c.Keep, Answer: json.RawMessage(`[]`)},
	} {
		made, err := m.Enroll(t.Context(), ada, e)
		if !errors.Is(err, countersign.ErrNoMatch) && !errors.Is(err, countersign.ErrMalformed) || made.Data != nil {
			t.Errorf("%s: %v, made %t", what, err, made.Data != nil)
		}
	}
	if made, err := m.Enroll(t.Context(), countersign.Subject{Identity: "idn_eve"}, countersign.Evidence{Asked: c.Keep, Answer: nothing}); !errors.Is(err, countersign.ErrNoMatch) || made.Data != nil {
		t.Errorf("what was prepared for somebody else: %v", err)
	}
}

func TestDataThatCannotBeReadIsNoWrongCode(t *testing.T) {
	m := newMethod()
	s, codes := owner(t, m)
	s.Credentials[0].Data = []byte("{")
	p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows(codes[0])})
	if err == nil || errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" || !strings.Contains(err.Error(), "crd_1") {
		t.Errorf("%v", err)
	}
	if d := m.Detail(s.Credentials[0]); len(d) != 0 {
		t.Errorf("told of it: %v", d)
	}
	s.Credentials[0].Data = []byte(`{"hashes":[null,""],"total":10}`) // empty never matches
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: shows("")}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("an empty code and empty hashes: %v", err)
	}
}

// page stands where a page does: it speaks a language and holds what was shown.
type page struct {
	*lang.Printer
	Shown map[string]any
}

func (page) Field(name, kind, _, _ string) string { return name + " " + kind }

func rendered(t *testing.T, m *recovery.Method, name string, data any) string {
	t.Helper()
	root := template.Must(template.New("").Parse(`{{define "field"}}{{.}}{{end}}`))
	if _, err := root.ParseFS(m.Files(), name); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := root.ExecuteTemplate(&b, name, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheFormsSpeakEachLanguage(t *testing.T) {
	m := newMethod()
	words, err := lang.Load([]string{"en", "de"}, m.Files())
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Errorf("the languages differ: %s", strings.Join(gaps, "; "))
	}
	for _, locale := range []string{"en", "de"} {
		for _, key := range []string{"title", "offer", "ask", "choose", "about", "added", "removed", "code", "hint", "keep", "error.no_match", "error.required", "error.invalid"} {
			if words.Printer(locale).T("recovery_code."+key) == "recovery_code."+key {
				t.Errorf("%s: no words for %s", locale, key)
			}
		}
		_, codes := prepare(t, m, ada)
		shown := map[string]any{"codes": []any{codes[0], codes[9]}}
		if html := rendered(t, m, "enroll.html", page{words.Printer(locale), shown}); strings.Count(html, "<li>") != 2 || !strings.Contains(html, "<li><code>"+codes[9]+"</code></li>") || strings.Contains(html, "recovery_code.") {
			t.Errorf("%s: what is shown\n%s", locale, html)
		}
		for _, forged := range []any{nil, 1.5, "text", map[string]any{"a": "b"}} {
			if html := rendered(t, m, "enroll.html", page{words.Printer(locale), map[string]any{"codes": forged}}); strings.Contains(html, "<li") {
				t.Errorf("%s: shown as codes: %v", locale, forged)
			}
		}
		if html := rendered(t, m, "form.html", page{words.Printer(locale), nil}); html != "code recovery-code\n" {
			t.Errorf("%s: asked for %q", locale, html)
		}
	}
	if got := words.Printer("de").T("recovery_code.left", "n", 3, "of", "10"); got != "Noch 3 von 10 Codes übrig" {
		t.Errorf("what is left: %q", got)
	}
}

// Whatever the bytes are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	m := newMethod()
	s, codes := owner(f, m)
	f.Add(string(shows("0000-0000-0000-0000")))
	f.Add(`{"code":null}`)
	f.Add("{\"code\":\"\xff\"}")
	f.Add(`{"method":"recovery_code","code":"ｏ０OIl1—\u200b"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, answer string) {
		if slices.ContainsFunc(codes, func(c string) bool { return strings.Contains(answer, c) }) {
			return
		}
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if !errors.As(err, &known) || p.Identity != "" {
			t.Errorf("%v, a proof of %q", err, p.Identity)
		}
	})
}

// Whatever is kept and answered: a whole set or none, never a panic.
func FuzzEnroll(f *testing.F) {
	m := newMethod()
	c, _ := prepare(f, m, ada)
	f.Add(string(nothing), c.Keep)
	f.Add(`{}`, []byte(`{"identity":"idn_ada","hashes":[null]}`))
	f.Fuzz(func(t *testing.T, answer string, keep []byte) {
		made, err := m.Enroll(t.Context(), ada, countersign.Evidence{Asked: keep, Answer: json.RawMessage(answer)})
		var known *countersign.Error
		if err != nil && (!errors.As(err, &known) || made.Data != nil) || err == nil && !cmp.Equal(m.Detail(made), map[string]any{"left": 10, "of": 10}) {
			t.Errorf("%v, made %t", err, made.Data != nil)
		}
	})
}
