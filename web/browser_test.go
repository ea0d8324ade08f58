package web_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
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
	{"step-up-send", 200, signedIn(func(p *testbrowser.Page, base string, w *world) int {
		w.fresh = false
		sending("/account/emails", "account-emails-submit", "#account-emails-address", "new@example.com")(p, base, w)
		return p.Load(func() { p.Click("[data-testid=step-up-email_code]") })
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

// views are those that every page must be good in: the width, and the colours.
var views = []struct {
	name   string
	width  int64
	height int64
	scheme string
}{
	{"desktop", 1280, 900, "light"}, {"desktop-dark", 1280, 900, "dark"}, {"phone-dark", 360, 740, "dark"}, {"phone", 360, 740, "light"},
}

func TestEveryPageInEveryView(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	for _, s := range append(slices.Clone(states), furtherStates...) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := reach(t, b, s, "en")
			for _, v := range views {
				turn(p, v.width, v.height, v.scheme)
				for _, bad := range p.Axe() {
					t.Errorf("%s: %v", v.name, bad)
				}
				fits(t, p, v.name)
				if *update && (v.name == "desktop" || v.name == "phone-dark") {
					p.Screenshot(filepath.Join("..", "docs", "screenshots", s.name+"-"+v.name+".png"))
				}
			}
			grow(t, p, "en")
			// German words are longer.
			de := reach(t, b, s, "de")
			turn(de, 360, 740, "light")
			fits(t, de, "phone in German")
			if dir := os.Getenv("LOOK"); dir != "" {
				de.Screenshot(filepath.Join(dir, s.name+"-de.png"))
			}
			grow(t, de, "de")
		})
	}
}

// reach goes to a page and checks what is the same in every view: its status,
// its language, its title, and that it is quiet and asks nobody else.
func reach(t *testing.T, b *testbrowser.Browser, s state, language string) *testbrowser.Page {
	t.Helper()
	w := newWorld()
	server := pages(t, w, nil)
	w.mails = mails(server.URL)
	p := b.Page(t, testbrowser.View{Language: language})
	if got := s.reach(p, server.URL, w); got != s.status {
		t.Errorf("status %d, want %d", got, s.status)
	}
	for _, e := range p.Errors() {
		// Browsers report every answer from 400 on; the status is checked above.
		if !strings.Contains(e, fmt.Sprintf("status of %d", s.status)) {
			t.Errorf("the console says %s", e)
		}
	}
	if got := p.Traffic(); len(got.Foreign) > 0 {
		t.Errorf("asks other hosts: %v", got.Foreign)
	}
	if got := testbrowser.Eval[string](p, "document.documentElement.lang"); got != language {
		t.Errorf("is in %q", got)
	}
	mistaken := s.status == http.StatusUnprocessableEntity || s.status == http.StatusTooManyRequests
	prefix := map[string]string{"en": "Error:", "de": "Fehler:"}[language]
	if title := testbrowser.Eval[string](p, "document.title"); mistaken != strings.HasPrefix(title, prefix) {
		t.Errorf("the title is %q", title)
	}
	return p
}

// turn looks at the same page on another screen.
func turn(p *testbrowser.Page, width, height int64, scheme string) {
	p.Do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}))
}

func fits(t *testing.T, p *testbrowser.Page, view string) {
	t.Helper()
	if wide := testbrowser.Eval[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.Errorf("%s: %d pixels wider than the screen", view, wide)
	}
}

// grow doubles the text alone (WCAG 2.2, 1.4.4) and looks for what is cut off.
func grow(t *testing.T, p *testbrowser.Page, view string) {
	t.Helper()
	turn(p, 1280, 900, "light")
	testbrowser.Eval[bool](p, "(document.documentElement.style.fontSize = '200%', true)")
	fits(t, p, view+", 200 %")
	cut := testbrowser.Eval[string](p, `[...document.querySelectorAll("button,a,label,h1,h2,p,code")].filter(e =>
		e.clientWidth > 0 && !e.matches(".away") && e.scrollWidth > e.clientWidth + 2).map(e => e.outerHTML).join("\n")`)
	if cut != "" {
		t.Errorf("%s: cut off at 200 %%: %s", view, cut)
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
		{"account-security", 60_000, 6, opening("/account/security")},
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

// settle waits until a field has the focus: browsers give it a moment after the page has loaded.
func settle(p *testbrowser.Page) { p.Do(chromedp.WaitReady(chromedp.CSS("input:focus"))) }

func TestByKeyboardAlone(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{})
	p.Open(server.URL + "/sign-in")
	settle(p)
	if f := p.Focused(); f.Name != "Email, phone or username" {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press(ada)
	p.Load(func() { p.Press(kb.Enter) })
	settle(p)
	if f := p.Focused(); f.Name != "Password" {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press("wrong")
	if got := p.Load(func() { p.Press(kb.Enter) }); got != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", got)
	}
	settle(p)
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

func TestTheSecondStepByKeyboardAlone(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{})
	secondStep("totp", second...)(p, server.URL, w)
	settle(p)
	if f := p.Focused(); f.Name != "Code from the app" {
		t.Fatalf("the focus is on %+v", f)
	}
	p.Press("123 456")
	p.Press(kb.Tab)
	if f := p.Focused(); f.Role != "checkbox" {
		t.Fatalf("after the code comes %+v", f)
	}
	p.Press(" ")
	p.Press(kb.Tab)
	if f := p.Focused(); f.Name != "Sign in" || f.Role != "button" {
		t.Fatalf("after the box comes %+v", f)
	}
	p.Press(kb.Tab)
	if f := p.Focused(); f.Name != "Use a passkey" {
		t.Fatalf("after the button comes %+v", f)
	}
	p.Press(kb.Tab)
	p.Press(kb.Tab)
	if f := p.Focused(); f.Name != "Use a recovery code" {
		t.Fatalf("the third other way is %+v", f)
	}
	p.Load(func() { p.Press(kb.Enter) })
	settle(p)
	p.Press(code)
	p.Load(func() { p.Press(kb.Enter) })
	if got := p.URL(); got != server.URL+"/account" {
		t.Fatalf("at %s", got)
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
	if got := p.Text(".strength:not(.idle) span:last-child"); got != "Very good" {
		t.Errorf("the strength is %q", got)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
