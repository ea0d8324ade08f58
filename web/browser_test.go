package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/testbrowser"
	"github.com/countersign-id/countersign/web"
)

// update writes the pictures of docs/screenshots anew: go test ./web -update
var update = flag.Bool("update", false, "write the screenshots anew")

// state is one page as somebody meets it: how to get there, and the status it has.
type state struct {
	name   string
	status int
	reach  func(p *testbrowser.Page, base string, w *world) int
}

func opening(path string) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, _ *world) int { return p.Open(base + path) }
}

// sending opens a page, fills in its form and presses its button.
func sending(path, button string, fields ...string) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, _ *world) int {
		p.Open(base + path)
		for i := 0; i+1 < len(fields); i += 2 {
			p.Fill(fields[i], fields[i+1])
		}
		return p.Load(func() { p.Click("[data-testid=" + button + "]") })
	}
}

// signedIn goes on as the owner of the account.
func signedIn(next func(*testbrowser.Page, string, *world) int) func(*testbrowser.Page, string, *world) int {
	return func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		p.Fill("#sign-in-password", right)
		p.Load(func() { p.Click("[data-testid=sign-in-submit]") })
		return next(p, base, w)
	}
}

var states = []state{
	{"sign-in", 200, opening("/sign-in")},
	{"sign-in-password", 200, sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)},
	{"sign-in-wrong", 422, func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		p.Fill("#sign-in-password", "wrong")
		return p.Load(func() { p.Click("[data-testid=sign-in-submit]") })
	}},
	{"sign-in-too-many", 429, func(p *testbrowser.Page, base string, w *world) int {
		w.fail["answer"] = countersign.SlowDown(15*time.Minute, "budget")
		sending("/sign-in", "sign-in-submit", "#sign-in-identifier", ada)(p, base, w)
		p.Fill("#sign-in-password", "wrong")
		return p.Load(func() { p.Click("[data-testid=sign-in-submit]") })
	}},
	{"sign-up", 200, opening("/sign-up")},
	{"sign-up-mistakes", 422, func(p *testbrowser.Page, base string, w *world) int {
		w.fail["start"] = &countersign.Error{Code: "invalid_request", Fields: []countersign.FieldError{
			{Field: "identifier", Code: "invalid"}, {Field: "password", Code: "too_short"}}}
		return sending("/sign-up", "sign-up-submit", "#sign-up-identifier", "ada", "#sign-up-password", "short")(p, base, w)
	}},
	{"sign-up-code", 200, sending("/sign-up", "sign-up-submit", "#sign-up-identifier", ada, "#sign-up-password", right)},
	{"recover", 200, opening("/recover")},
	{"recover-code", 200, sending("/recover", "recover-submit", "#recover-identifier", ada)},
	{"recover-password", 200, func(p *testbrowser.Page, base string, w *world) int {
		sending("/recover", "recover-submit", "#recover-identifier", ada)(p, base, w)
		p.Fill("#recover-code", code)
		return p.Load(func() { p.Click("[data-testid=recover-submit]") })
	}},
	{"verify", 200, opening("/verify")},
	{"verify-link", 200, func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-up", "sign-up-submit", "#sign-up-identifier", ada, "#sign-up-password", right)(p, base, w)
		return p.Open(base + "/verify?token=" + goodLink)
	}},
	{"verify-elsewhere", 200, opening("/verify?token=" + goodLink)},
	{"verify-expired", 410, opening("/verify?token=cs_lnk_old")},
	{"verify-expired-here", 410, func(p *testbrowser.Page, base string, w *world) int {
		sending("/sign-up", "sign-up-submit", "#sign-up-identifier", ada, "#sign-up-password", right)(p, base, w)
		return p.Open(base + "/verify?token=cs_lnk_old")
	}},
	{"setup", 200, opening("/setup?token=" + goodLink)},
	{"setup-no-link", 403, opening("/setup")},
	{"dev-inbox", 200, opening("/dev/inbox")},
	{"not-found", 404, opening("/no/such/page")},
	{"account", 200, signedIn(opening("/account"))},
	{"account-profile", 200, signedIn(opening("/account/profile"))},
	{"account-emails", 200, signedIn(opening("/account/emails?done=added"))},
	{"account-emails-wrong", 422, signedIn(sending("/account/emails", "account-emails-verify-submit", "[name=code]", "00000000"))},
	{"account-password", 200, signedIn(opening("/account/password"))},
	{"account-password-wrong", 422, signedIn(sending("/account/password", "account-password-submit",
		"#account-password-current_password", "wrong", "#account-password-new_password", right))},
	{"account-sessions", 200, signedIn(opening("/account/sessions"))},
	{"account-activity", 200, signedIn(opening("/account/activity"))},
	{"account-data", 200, signedIn(opening("/account/data"))},
	{"account-data-unsure", 422, signedIn(sending("/account/data", "account-data-submit"))},
	{"step-up", 200, signedIn(func(p *testbrowser.Page, base string, w *world) int {
		w.fresh = false
		return sending("/account/emails", "account-emails-submit", "#account-emails-address", "new@example.com")(p, base, w)
	})},
	{"sign-out", 200, signedIn(opening("/sign-out"))},
	{"sign-out-done", 200, opening("/sign-out?done=1")},
}

// mails is what the development inbox shows in the pictures.
func mails(base string) []web.Mail {
	return []web.Mail{{Channel: "email", To: ada, Subject: "Your Countersign code: 1234 5678", SentAt: noon.Add(-2 * time.Minute),
		Text: "Hello,\n\nyour code is 1234 5678. It works for 10 minutes.\n\nOr open this link: " + base + "/verify?token=" + goodLink +
			"\n\nSomebody asked for it with Chrome on a Mac from 192.0.2.1. If that was not you, there is nothing to do."}}
}

// views are those that every page must be good in.
var views = map[string]testbrowser.View{
	"desktop": {}, "desktop-dark": {Dark: true}, "phone": {Phone: true}, "phone-dark": {Phone: true, Dark: true},
}

func TestEveryPageInEveryView(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	for view, how := range views {
		for _, language := range []string{"en", "de"} {
			t.Run(view+" "+language, func(t *testing.T) {
				t.Parallel()
				how := how
				how.Language = language
				for _, s := range states {
					look(t, b, view, language, how, s)
				}
			})
		}
	}
}

// look checks one page in one view: accessible, quiet, ours alone, and no
// wider than the screen.
func look(t *testing.T, b *testbrowser.Browser, view, language string, how testbrowser.View, s state) {
	w := newWorld()
	server := pages(t, w, nil)
	w.mails = mails(server.URL)
	p := b.Page(t, how)
	if got := s.reach(p, server.URL, w); got != s.status {
		t.Errorf("%s: status %d, want %d", s.name, got, s.status)
	}
	for _, v := range p.Axe() {
		t.Errorf("%s: %v", s.name, v)
	}
	for _, e := range p.Errors() {
		// Browsers report every answer from 400 on; the status is checked above.
		if !strings.Contains(e, fmt.Sprintf("status of %d", s.status)) {
			t.Errorf("%s: the console says %s", s.name, e)
		}
	}
	if got := p.Traffic(); len(got.Foreign) > 0 {
		t.Errorf("%s: asks other hosts: %v", s.name, got.Foreign)
	}
	if wide := testbrowser.Eval[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("%s: %d pixels wider than the screen", s.name, wide)
	}
	if got := testbrowser.Eval[string](p, "document.documentElement.lang"); got != language {
		t.Errorf("%s: is in %q", s.name, got)
	}
	if bad := s.status == 422 || s.status == 429; bad != strings.HasPrefix(testbrowser.Eval[string](p, "document.title"), map[string]string{"en": "Error:", "de": "Fehler:"}[language]) {
		t.Errorf("%s: the title is %q", s.name, testbrowser.Eval[string](p, "document.title"))
	}
	if *update && language == "en" && (view == "desktop" || view == "phone-dark" || slices.Contains([]string{"sign-in", "account"}, s.name)) {
		p.Screenshot(filepath.Join("..", "docs", "screenshots", s.name+"-"+view+".png"))
	}
	if dir := os.Getenv("LOOK"); dir != "" {
		p.Screenshot(filepath.Join(dir, s.name+"-"+view+"-"+language+".png"))
	}
}

func TestTextAtTwiceTheSizeIsNotCutOff(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	for _, s := range states {
		w := newWorld()
		server := pages(t, w, nil)
		p := b.Page(t, testbrowser.View{Language: "de"})
		s.reach(p, server.URL, w)
		// 200 % of a window of 640 pixels, as WCAG 1.4.4 means it: text alone grows.
		testbrowser.Eval[bool](p, "(document.documentElement.style.fontSize = '200%', true)")
		if wide := testbrowser.Eval[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s: %d pixels wider than the screen", s.name, wide)
		}
		cut := testbrowser.Eval[string](p, `[...document.querySelectorAll("button,a,label,h1,p")].filter(e => e.clientWidth > 0 && !e.matches(".away") && e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflow !== "visible").map(e => e.outerHTML).join("\n")`)
		if cut != "" {
			t.Errorf("%s: cut off: %s", s.name, cut)
		}
	}
}

func TestWeights(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	for _, one := range []struct {
		name            string
		bytes, requests int
		reach           func(*testbrowser.Page, string, *world) int
	}{
		{"sign-in", 30_000, 4, opening("/sign-in")},
		{"sign-up", 30_000, 4, opening("/sign-up")},
		{"account", 60_000, 6, opening("/account")},
		{"account-sessions", 60_000, 6, opening("/account/sessions")},
	} {
		w := newWorld()
		server := pages(t, w, nil)
		p := b.Page(t, testbrowser.View{})
		if strings.HasPrefix(one.name, "account") {
			signedIn(opening("/account"))(p, server.URL, w)
		}
		one.reach(p, server.URL, w)
		got := p.Traffic()
		t.Logf("%s: %d bytes, %d requests", one.name, got.Bytes, len(got.Requests))
		if got.Bytes > one.bytes || len(got.Requests) > one.requests {
			t.Errorf("%s: %d bytes in %v", one.name, got.Bytes, got.Requests)
		}
	}
}

func TestByKeyboardAlone(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{})
	p.Open(server.URL + "/sign-in")
	if f := p.Focused(); f.Name != "Email or username" {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press(ada)
	p.Load(func() { p.Press(kb.Enter) })
	if f := p.Focused(); f.Name != "Password" {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press("wrong")
	if got := p.Load(func() { p.Press(kb.Enter) }); got != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", got)
	}
	f := p.Focused()
	if f.Name != "Password" || !strings.HasPrefix(f.Description, "The address or the password is not right") {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press(right)
	p.Load(func() { p.Press(kb.Enter) })
	if got := p.URL(); got != server.URL+"/account" {
		t.Fatalf("at %s", got)
	}
	p.Press(kb.Tab)
	if f := p.Focused(); f.Name != "Skip to the content" {
		t.Errorf("the first stop is %+v", f)
	}
	for range 40 {
		if p.Focused().Name == "Sign out" {
			p.Load(func() { p.Press(kb.Enter) })
			break
		}
		p.Press(kb.Tab)
	}
	if got := p.Text("h1"); got != "You are signed out" {
		t.Errorf("the page says %q", got)
	}
}

func TestWithoutScript(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{NoScript: true})
	sending("/sign-up", "sign-up-submit", "#sign-up-identifier", ada, "#sign-up-password", right)(p, server.URL, w)
	p.Fill("#sign-up-code", "1234 5678")
	p.Load(func() { p.Click("[data-testid=sign-up-submit]") })
	if got := p.Text("[role=status]"); !strings.HasPrefix(got, "Welcome") {
		t.Errorf("the page says %q", got)
	}
	w.fresh = false
	sending("/account/emails", "account-emails-submit", "#account-emails-address", "new@example.com")(p, server.URL, w)
	if got := p.Text("h1"); got != "Confirm that it is you" {
		t.Fatalf("the page says %q", got)
	}
	p.Fill("#step-up-password", right)
	p.Load(func() { p.Click("[data-testid=step-up-submit]") })
	if !slices.Contains(w.changes, "add new@example.com") {
		t.Errorf("what waited for the proof was not done: %v", w.changes)
	}
	if got := p.URL(); got != server.URL+"/account/emails?done=added" {
		t.Errorf("at %s", got)
	}
	if got := p.Load(func() { p.Click("button[name=theme][value=dark]") }); got != 200 {
		t.Errorf("status %d", got)
	}
	if got := testbrowser.Eval[string](p, "document.documentElement.dataset.theme + getComputedStyle(document.body).colorScheme"); got != "darkdark" {
		t.Errorf("the theme is %s", got)
	}
}

func TestPasswordsCanBeShownAndAreJudgedWhileTyped(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{})
	p.Open(server.URL + "/sign-up")
	p.Fill("#sign-up-password", right)
	p.Click(".peek")
	if got := testbrowser.Eval[string](p, "document.querySelector('#sign-up-password').type"); got != "text" {
		t.Errorf("the field is of type %s", got)
	}
	if got := p.Text(".strength:not([hidden]) span:last-child"); got != "Very good" {
		t.Errorf("the strength is %q", got)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
