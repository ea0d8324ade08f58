package web_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/countersign-id/countersign/countersigntest"
	"github.com/countersign-id/countersign/internal/testbrowser"
)

// app is an authenticator app: RFC 6238 with the usual parameters.
type app struct{ key []byte }

func scan(t testing.TB, secret string) app {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(key) < 16 {
		t.Fatalf("%q is no secret: %v", secret, err)
	}
	return app{key}
}

func (a app) code(at time.Time) string {
	mac := hmac.New(sha1.New, a.key)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff)%1_000_000)
}

// plain opens a new server without JavaScript, on a phone.
func plain(t *testing.T, set ...string) reader {
	s := countersigntest.New(t, countersigntest.Options{Set: set})
	return reader{testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{NoScript: true, Phone: true}), t, s}
}

// addsAnApp goes through the wizard, and types a wrong code first.
func (r reader) addsAnApp(form, field string) app {
	r.t.Helper()
	secret := r.Text("code.groups")
	a := scan(r.t, strings.ReplaceAll(secret, " ", ""))
	r.Fill(field, "000000")
	r.press(form)
	if got := r.Text("code.groups"); got != secret {
		r.t.Errorf("a wrong code changed the key from %s to %s", secret, got)
	}
	if got := testbrowser.Eval[int](r.Page, "document.querySelectorAll('.qr svg path').length"); got != 1 {
		r.t.Error("the drawing is gone")
	}
	code := a.code(r.s.Now())
	r.Fill(field, code[:3]+" "+code[3:])
	r.press(form)
	return a
}

// codes are the recovery codes on the page.
func (r reader) codes() []string {
	return strings.Fields(testbrowser.Eval[string](r.Page, "[...document.querySelectorAll('.codes code')].map(c => c.textContent).join(' ')"))
}

func TestSecondStepsWithoutScript(t *testing.T) {
	r := plain(t)
	r.joins()
	r.Open(r.s.URL + "/account/security")
	r.Load(func() { r.Click("[data-testid=account-totp-add]") })
	r.at("/account/totp/add", "Add an authenticator app")
	a := r.addsAnApp("account-totp-add", "#account-totp-add-code")
	r.at("/account/security?added=totp", "Sign-in methods")
	if got := r.Text("main"); !strings.Contains(got, "Nothing stands in for a phone") {
		t.Errorf("nobody is told to make recovery codes: %s", got)
	}
	r.Load(func() { r.Click("[data-testid=account-recovery-codes-add]") })
	r.press("account-recovery-codes-add")
	codes := r.codes()
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	r.Load(func() { r.Click("[data-testid=account-recovery-codes-add-done]") })
	if got := r.Text("[data-testid=account-recovery-codes]"); !strings.Contains(got, "10 of 10 codes left") {
		t.Errorf("the page says %s", got)
	}

	// With the app, then remembered, then without the cookie by a recovery code.
	r.leaves()
	r.s.Advance(time.Minute)
	r.startsToSignIn()
	r.at("/sign-in?method=totp", "Enter the code from your app")
	r.Fill("#sign-in-code", a.code(r.s.Now()))
	r.Click("#sign-in-remember")
	r.press("sign-in")
	r.at("/account", "Overview")
	r.leaves()
	r.startsToSignIn()
	r.at("/account", "Overview")
	r.Open(r.s.URL + "/account/security")
	if got := r.Text("[data-testid=account-devices]"); !strings.Contains(got, "Chrome on Linux") {
		t.Errorf("the page says %s", got)
	}
	r.Load(func() { r.Click("[data-testid=account-devices] .acts a") })
	r.Click("#account-devices-sure")
	r.press("account-devices-remove")
	// A remembered browser lets its owner in, and not to what it stands in for.
	r.s.Advance(time.Minute)
	r.Fill("#step-up-code", a.code(r.s.Now()))
	r.press("step-up")
	r.at("/account/security?removed=devices", "Sign-in methods")
	r.leaves()
	r.startsToSignIn()
	r.at("/sign-in?method=totp", "Enter the code from your app")
	r.Load(func() { r.Click("[data-testid=sign-in-recovery_code]") })
	r.Fill("#sign-in-code", strings.ToUpper(codes[3]))
	r.press("sign-in")
	r.at("/account", "Overview")
}

// startsToSignIn gives the name and the password.
func (r reader) startsToSignIn() {
	r.t.Helper()
	r.Open(r.s.URL + "/sign-in")
	r.Fill("#sign-in-identifier", maria)
	r.press("sign-in")
	if r.Text("h1") != "Enter your password" {
		r.Load(func() { r.Click("[data-testid=sign-in-password]") })
	}
	r.Fill("#sign-in-password", first)
	r.press("sign-in")
}

func TestALostAppIsResetAfterAWaitAndTheOwnerCanStopIt(t *testing.T) {
	r := plain(t)
	r.joins()
	r.Open(r.s.URL + "/account/totp/add")
	r.addsAnApp("account-totp-add", "#account-totp-add-code")
	r.leaves()

	begins := func() string {
		seen := len(r.s.Letters(maria))
		r.startsToSignIn()
		r.Load(func() { r.Click("[data-testid=sign-in-lost]") })
		r.at("/sign-in?lost=1", "Lost your other way in?")
		r.press("sign-in-lost")
		r.at("/sign-in?lost=begun", "The waiting time has begun")
		if got := r.Text("main"); !strings.Contains(got, "in 3 days") {
			t.Errorf("the page says %s", got)
		}
		return r.s.Wait(maria, seen).Link()
	}
	link := begins()
	// Too early.
	r.startsToSignIn()
	r.s.Advance(25 * time.Hour)
	r.startsToSignIn()
	r.Load(func() { r.Click("[data-testid=sign-in-factor_reset]") })
	r.at("/sign-in?method=factor_reset", "The waiting time has begun")
	if got := r.Text("main"); !strings.Contains(got, "Come back") || strings.Contains(got, "in 3 days") {
		t.Errorf("the page says %s", got)
	}
	// Stopped; looking at the link stops nothing.
	r.Open(link)
	r.at(strings.TrimPrefix(link, r.s.URL), "Stop the reset")
	r.Open(link)
	r.press("factor-reset")
	r.at("/factor-reset", "The reset is stopped")
	if got := r.Open(link); got != 200 {
		t.Errorf("status %d", got)
	}
	r.press("factor-reset")
	r.at("/factor-reset", "No reset is waiting")

	begins()
	r.s.Advance(73 * time.Hour)
	r.startsToSignIn()
	r.Load(func() { r.Click("[data-testid=sign-in-factor_reset]") })
	r.at("/sign-in?method=factor_reset", "Sign in without what you lost")
	r.press("sign-in")
	r.at("/account", "Overview")
	r.Open(r.s.URL + "/account/security")
	if got := r.Text("[data-testid=account-totp]"); strings.Contains(got, "Manage") {
		t.Errorf("the lost app is still there: %s", got)
	}
}

func TestASecondStepIsSetUpWhereItIsDemanded(t *testing.T) {
	r := plain(t, "policy.roles=*: aal2")
	r.Open(r.s.URL + "/sign-up")
	r.Fill("#sign-up-identifier", maria)
	r.Fill("#sign-up-password", first)
	r.press("sign-up")
	r.enter(r.s.Wait(maria, 0).Code())
	r.leaves()
	r.startsToSignIn()
	if !strings.Contains(r.URL(), "method=totp") {
		r.Load(func() { r.Click("[data-testid=sign-in-totp]") })
	}
	r.at("/sign-in?method=totp", "Add an authenticator app")
	a := r.addsAnApp("sign-in", "#sign-in-code")
	r.at("/account", "Overview")
	r.leaves()
	r.s.Advance(time.Minute)
	r.startsToSignIn()
	r.Fill("#sign-in-code", a.code(r.s.Now()))
	r.press("sign-in")
	r.at("/account", "Overview")
}

func TestAMagicLinkHereAndElsewhere(t *testing.T) {
	r := plain(t)
	r.joins()
	r.leaves()
	asks := func() string {
		seen := len(r.s.Letters(maria))
		r.Open(r.s.URL + "/sign-in")
		r.Fill("#sign-in-identifier", maria)
		r.press("sign-in")
		if r.Text("h1") == "Sign-in link" { // it was used last time
			r.press("sign-in")
		} else {
			r.Load(func() { r.Click("[data-testid=sign-in-magic_link] button") })
		}
		r.at("/sign-in?method=magic_link", "Open the link that we send")
		return r.s.Wait(maria, seen).Link()
	}
	link := asks()
	other := reader{testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{NoScript: true}), t, r.s}
	other.Open(link)
	if got := other.Text("main"); !strings.Contains(got, "This was asked for with") {
		t.Errorf("another browser is not asked: %s", got)
	}
	r.Open(link)
	r.at(strings.TrimPrefix(link, r.s.URL), "Sign in")
	r.press("magic-link")
	r.at("/account", "Overview")
	other.press("magic-link")
	other.at("/magic-link", "This link has expired")

	r.leaves()
	other.Open(asks())
	other.press("magic-link")
	other.at("/account", "Overview")
}

func TestACodeByMailAsTheOnlyStepAndForAStepUp(t *testing.T) {
	r := plain(t)
	r.joins()
	r.leaves()
	seen := len(r.s.Letters(maria))
	r.Open(r.s.URL + "/sign-in?return_to=/account/profile")
	r.Fill("#sign-in-identifier", maria)
	r.press("sign-in")
	r.Load(func() { r.Click("[data-testid=sign-in-email_code] button") })
	r.at("/sign-in?method=email_code", "Check your mail")
	r.Fill("#sign-in-code", r.s.Wait(maria, seen).Code())
	r.press("sign-in")
	r.at("/account/profile", "Profile")

	r.s.Advance(11 * time.Minute)
	seen = len(r.s.Letters(maria))
	r.Open(r.s.URL + "/account/totp/add")
	r.at("/step-up?then=%2Faccount%2Ftotp%2Fadd", "Confirm that it is you")
	if send := "[data-testid=step-up-email_code]"; testbrowser.Eval[bool](r.Page, "!!document.querySelector('"+send+"')") {
		r.Load(func() { r.Click(send) })
	} else {
		r.press("step-up") // it was used last time, so it is first
	}
	r.Fill("#step-up-code", r.s.Wait(maria, seen).Code())
	r.press("step-up")
	r.at("/account/totp/add", "Add an authenticator app")
}

func TestAPhoneNumberIsAddedProvedAndRemoved(t *testing.T) {
	r := plain(t)
	r.joins()
	r.Open(r.s.URL + "/account/phones")
	r.Fill("#account-phones-number", "12")
	r.press("account-phones")
	if got := r.Text("#account-phones-number-error"); got == "" {
		t.Error("nobody is told what is wrong with the number")
	}
	r.Fill("#account-phones-number", "+44 20 7946 0958")
	r.press("account-phones")
	r.at("/account/phones?done=phone_added", "Phone numbers")
	_, code, _ := strings.Cut(r.s.Wait("+442079460958", 0).Text, "#")
	r.Fill("[name=code]", strings.TrimSpace(code))
	r.press("account-phones-verify")
	r.at("/account/phones?done=phone_verified", "Phone numbers")
	r.Load(func() { r.Click(".acts button") })
	r.at("/account/phones?done=phone_removed", "Phone numbers")
}

func TestRecoveryCodesAreSavedAsText(t *testing.T) {
	r := newcomer(t)
	r.joins()
	r.Open(r.s.URL + "/account/recovery-codes/add")
	r.press("account-recovery-codes-add")
	folder := t.TempDir()
	download(r.Page, folder)
	r.Click("[data-save]")
	var text []byte
	for range 100 {
		if text, _ = os.ReadFile(filepath.Join(folder, "recovery-codes.txt")); len(text) > 0 {
			break
		}
		r.Do(chromedp.Evaluate[chromedp.Void]("1"))
	}
	for _, code := range r.codes() {
		if !strings.Contains(string(text), code+"\n") {
			t.Errorf("%d bytes were saved, without all codes", len(text))
		}
	}
}
