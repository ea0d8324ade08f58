package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign-id/countersign/countersigntest"
	"github.com/countersign-id/countersign/internal/testbrowser"
)

// reader is a person at the pages of a real server.
type reader struct {
	*testbrowser.Page
	t testing.TB
	s *countersigntest.Server
}

// at fails unless the page is at a path and its heading says so.
func (r reader) at(path, heading string) {
	r.t.Helper()
	if got := strings.TrimPrefix(r.URL(), r.s.URL); got != path {
		r.t.Fatalf("at %s, want %s: %s", got, path, r.Text("main"))
	}
	if got := r.Text("h1"); got != heading {
		r.t.Fatalf("the page says %q, want %q", got, heading)
	}
}

// press presses the primary button of a form.
func (r reader) press(form string) {
	r.t.Helper()
	r.Load(func() { r.Click("[data-testid=" + form + "-submit]") })
}

// enter types into the field that has the focus, and presses Enter.
func (r reader) enter(texts ...string) {
	r.t.Helper()
	settle(r.Page)
	for i, text := range texts {
		if i > 0 {
			r.Press(kb.Tab)
			if r.Focused().Role == "button" { // the one that shows the password
				r.Press(kb.Tab)
			}
		}
		r.Press(text)
	}
	r.Load(func() { r.Press(kb.Enter) })
}

const (
	maria = "maria@example.com"
	first = "seven lanterns over quiet water"
	next  = "a kettle sings below the stairs"
	third = "nine umbrellas in the orchard"
)

// TestAnAccountFromBeginningToEnd is the whole story on a real server, with
// JavaScript and by keyboard, and once more without JavaScript by mouse.
func TestAnAccountFromBeginningToEnd(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	for name, view := range map[string]testbrowser.View{"with script": {}, "without script": {NoScript: true, Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := countersigntest.New(t, countersigntest.Options{})
			r := reader{b.Page(t, view), t, s}
			signsUp(r)
			changesThings(r)
			signsOutAndIn(r)
			recovers(r, reader{b.Page(t, view), t, s})
			deletes(r)
			for _, e := range r.Errors() {
				if !strings.Contains(e, "status of 4") {
					t.Errorf("the console says %s", e)
				}
			}
		})
	}
}

func signsUp(r reader) {
	r.Open(r.s.URL + "/")
	r.at("/sign-in", "Sign in")
	r.Open(r.s.URL + "/sign-up")
	r.enter(maria, "password") // too common
	r.at("/sign-up", "Create your account")
	if got := r.Text("#sign-up-password-error"); got == "" {
		r.t.Error("a common password was not refused")
	}
	r.Fill("#sign-up-password", first)
	r.press("sign-up")
	r.at("/sign-up?method=email_code", "Check your mail")
	r.enter("00000000")
	settle(r.Page)
	if got := r.Focused().Name; got != "Code from the mail" {
		r.t.Errorf("after a wrong code the focus is on %q", got)
	}
	r.enter(r.s.Wait(maria, 0).Code())
	r.at("/account?done=welcome", "Overview")
}

func changesThings(r reader) {
	r.Open(r.s.URL + "/account/profile")
	r.Fill("#account-profile-name", "Maria Sibylla Merian")
	r.press("account-profile")
	r.at("/account/profile?done=saved", "Profile")
	r.s.Advance(11 * time.Minute) // the proof of the sign-up is no longer fresh
	r.Open(r.s.URL + "/account/emails")
	r.Fill("#account-emails-address", "merian@example.org")
	r.press("account-emails")
	if got := r.Text("h1"); got != "Confirm that it is you" {
		r.t.Fatalf("the page says %q", got)
	}
	r.enter(first)
	r.at("/account/emails?done=added", "Email addresses")
	r.Fill("[name=code]", r.s.Wait("merian@example.org", 0).Code())
	r.press("account-emails-verify")
	r.at("/account/emails?done=verified", "Email addresses")
	r.Open(r.s.URL + "/account/password")
	r.Fill("#account-password-current_password", "not this one at all")
	r.Fill("#account-password-new_password", next)
	r.press("account-password")
	r.at("/account/password", "Password")
	r.Fill("#account-password-current_password", first)
	r.Fill("#account-password-new_password", next)
	r.press("account-password")
	r.at("/account/password?done=changed", "Password")
	r.Open(r.s.URL + "/account/activity")
	if got := r.Text("main"); !strings.Contains(got, "The password was changed") || !strings.Contains(got, "An address was confirmed") {
		r.t.Errorf("the activity is %s", got)
	}
}

func signsOutAndIn(r reader) {
	r.Open(r.s.URL + "/sign-out")
	r.press("sign-out")
	r.at("/sign-out?done=1", "You are signed out")
	r.Open(r.s.URL + "/account/sessions")
	r.at("/sign-in?return_to=%2Faccount%2Fsessions", "Sign in")
	r.enter(maria)
	r.enter(first) // the old one
	r.at("/sign-in", "Enter your password")
	r.enter(next)
	r.at("/account/sessions", "Devices and sessions")
	if got := r.Text("main"); !strings.Contains(got, "This device") {
		r.t.Errorf("the sessions are %s", got)
	}
}

// recovers asks for a link in one browser and opens it in another.
func recovers(r, other reader) {
	seen := len(r.s.Letters(maria))
	r.Open(r.s.URL + "/recover")
	r.enter(maria)
	r.at("/recover?method=email_code", "Check your mail")
	link := r.s.Wait(maria, seen).Link()
	other.Open(link)
	if got := other.Text("main"); !strings.Contains(got, "This was asked for with") {
		r.t.Errorf("the page says %s", got)
	}
	other.press("verify")
	other.at("/recover?method=password", "Choose a new password")
	other.enter(third)
	other.at("/account?done=recovered", "Overview")
	r.Open(r.s.URL + "/account")
	r.at("/sign-in?return_to=%2Faccount", "Sign in") // the old session has ended
	other.Open(link)
	if got := other.Text("h1"); got != "This link has expired" {
		r.t.Errorf("a used link says %q", got)
	}
	r.enter(maria)
	r.enter(third)
	r.at("/account", "Overview")
}

func deletes(r reader) {
	r.Open(r.s.URL + "/account/data")
	r.Do(chromedp.Click(chromedp.CSS("#account-data-sure"), chromedp.NodeVisible))
	r.press("account-data")
	r.at("/sign-out?done=deleted", "Your account is deleted")
	r.Open(r.s.URL + "/sign-in")
	r.enter(maria)
	r.enter(third)
	r.at("/sign-in", "Enter your password")
}

// TestTheFirstAdministratorOfARealServer spends the link that the server prints.
func TestTheFirstAdministratorOfARealServer(t *testing.T) {
	s := countersigntest.New(t, countersigntest.Options{})
	token, err := s.Admin.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := reader{testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{}), t, s}
	r.Open(s.URL + "/setup?token=" + token)
	r.Fill("#setup-email", "root@example.com")
	r.Fill("#setup-password", first)
	r.press("setup")
	r.at("/account?done=welcome", "Overview")
	if got := r.Open(s.URL + "/setup?token=" + token); got != 410 {
		t.Errorf("the link opened again: %d", got)
	}
}
