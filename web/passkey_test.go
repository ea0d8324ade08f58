package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign-id/countersign/countersigntest"
	"github.com/countersign-id/countersign/internal/testbrowser"
)

// plug connects a virtual authenticator to a page.
func plug(p *testbrowser.Page, o webauthn.VirtualAuthenticatorOptions) (id webauthn.AuthenticatorID) {
	o.Protocol, o.Ctap2version = webauthn.AuthenticatorProtocolCtap2, webauthn.Ctap2versionCtap21
	if o.Transport == "" {
		o.Transport = webauthn.AuthenticatorTransportInternal
	}
	o.AutomaticPresenceSimulation = true
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &o})
		if err == nil {
			id = made.AuthenticatorID
		}
		return err
	}))
	return id
}

// touch says whether an authenticator answers by itself. One that does also answers
// what a page offers among its suggestions, as soon as somebody types.
func touch(p *testbrowser.Page, id webauthn.AuthenticatorID, at bool) {
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: id, Enabled: at})
		return err
	}))
}

// holds lists what an authenticator keeps.
func holds(p *testbrowser.Page, id webauthn.AuthenticatorID) (all []*webauthn.Credential) {
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: id})
		all = got.Credentials
		return err
	}))
	return all
}

var (
	phone = webauthn.VirtualAuthenticatorOptions{HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true}
	// stick is a security key without a PIN: it cannot verify its owner and lists no passkeys.
	stick = webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb}
)

// newcomer opens a page of a new server.
func newcomer(t *testing.T, set ...string) reader {
	s := countersigntest.New(t, countersigntest.Options{Set: set})
	r := reader{testbrowser.New(t, testbrowser.Options{}).Page(t, testbrowser.View{}), t, s}
	t.Cleanup(func() {
		for _, e := range r.Errors() {
			if !strings.Contains(e, "status of 4") {
				t.Errorf("the console says %s", e)
			}
		}
	})
	return r
}

// joins makes an account with a password.
func (r reader) joins() {
	r.t.Helper()
	r.Open(r.s.URL + "/sign-up")
	r.Fill("#sign-up-identifier", maria)
	r.Fill("#sign-up-password", first)
	r.press("sign-up")
	r.enter(r.s.Wait(maria, 0).Code())
	r.at("/account?done=welcome", "Overview")
}

func (r reader) leaves() {
	r.t.Helper()
	r.Open(r.s.URL + "/sign-out")
	r.press("sign-out")
}

func TestAnAccountWithAPasskeyAlone(t *testing.T) {
	r := newcomer(t)
	id := plug(r.Page, phone)
	r.Open(r.s.URL + "/sign-up")
	r.Fill("#sign-up-identifier", maria)
	r.Fill("#sign-up-name", "Maria")
	r.Load(func() { r.Click("[data-testid=sign-up-passkey]") })
	r.at("/sign-up?method=passkey", "Add a passkey")
	r.press("sign-up")
	r.at("/sign-up?method=email_code", "Check your mail")
	r.enter(r.s.Wait(maria, 0).Code())
	r.at("/account?done=welcome", "Overview")
	kept := holds(r.Page, id)
	if len(kept) != 1 || !kept[0].IsResidentCredential || kept[0].RpID != "localhost" {
		t.Fatalf("the phone keeps %+v", kept)
	}

	r.leaves()
	r.Open(r.s.URL + "/sign-in")
	r.Load(func() { r.Click("[data-testid=sign-in-passkey-submit]") })
	r.at("/account", "Overview")
	if got := r.Text("main"); strings.Contains(got, "Sign in faster") {
		t.Error("a passkey is offered to somebody who used one")
	}

	// Among the suggestions: the browser answers as soon as somebody is there.
	r.leaves()
	r.Open(r.s.URL + "/sign-in?return_to=/account/profile")
	if got := r.Text("[data-testid=sign-in-passkey]"); !strings.Contains(got, "last used") {
		t.Errorf("the button says %q", got)
	}
	r.Load(func() { r.Press(kb.Shift) })
	r.at("/account/profile", "Profile")
}

func TestAPasskeyThatIsNotTouchedIsToldInWordsAndLeadsOn(t *testing.T) {
	r := newcomer(t)
	r.joins()
	r.leaves()
	plug(r.Page, phone) // with nothing on it
	r.Open(r.s.URL + "/sign-in")
	r.Click("[data-testid=sign-in-passkey-submit]")
	r.Do(chromedp.WaitReady(chromedp.CSS("[data-passkey-status][data-state=bad]")))
	if got := r.Text("[data-testid=sign-in-passkey] [role=status]"); !strings.Contains(got, "Nothing came from your passkey") {
		t.Errorf("the page says %q", got)
	}
	r.Fill("#sign-in-identifier", maria)
	r.press("sign-in")
	r.enter(first)
	r.at("/account", "Overview")
}

func TestASecurityKeyAsTheSecondStep(t *testing.T) {
	r := newcomer(t, "policy.second=passkey,totp")
	r.joins()
	id := plug(r.Page, stick)
	r.Open(r.s.URL + "/account/security")
	r.Load(func() { r.Click("[data-testid=account-passkeys-add]") })
	r.at("/account/passkeys/add", "Add a passkey")
	r.Fill("#account-passkeys-add-name", "Blue key")
	r.press("account-passkeys-add")
	r.at("/account/security?added=passkeys", "Sign-in methods")
	if got := r.Text("[data-testid=account-passkeys]"); !strings.Contains(got, "Blue key") || !strings.Contains(got, "On one device only") {
		t.Errorf("the page says %s", got)
	}
	if got := holds(r.Page, id); len(got) != 1 || got[0].IsResidentCredential {
		t.Errorf("the key keeps %+v", got)
	}
	// The same key twice is told in words.
	r.Load(func() { r.Click("[data-testid=account-passkeys-add]") })
	r.Click("[data-testid=account-passkeys-add-submit]")
	r.Do(chromedp.WaitReady(chromedp.CSS("[data-passkey-status][data-state=bad]")))
	if got := r.Text("[data-passkey-status]"); got != "You have this passkey already." {
		t.Errorf("the page says %q", got)
	}

	r.leaves()
	r.Open(r.s.URL + "/sign-in")
	r.enter(maria)
	r.enter(first)
	r.at("/sign-in?method=passkey", "Use your passkey")
	r.Click("#sign-in-remember")
	r.press("sign-in")
	r.at("/account", "Overview")

	// Remembered: the password is enough now.
	r.leaves()
	r.Open(r.s.URL + "/sign-in")
	r.enter(maria)
	r.enter(first)
	r.at("/account", "Overview")

	// Renamed and removed.
	r.Open(r.s.URL + "/account/security")
	r.Load(func() { r.Click("[data-testid=account-passkeys] .acts a") })
	r.Fill("#account-passkeys-rename-name", "Green key")
	r.press("account-passkeys-rename")
	r.at("/account/security?done=renamed", "Sign-in methods")
	r.Load(func() { r.Click("[data-testid=account-passkeys] .acts a") })
	r.at(strings.TrimPrefix(r.URL(), r.s.URL), "Green key")
	r.press("account-passkeys-remove")
	if got := r.Text(".alert"); !strings.Contains(got, "Tick the box") {
		t.Errorf("the page says %q", got)
	}
	r.Click("#account-passkeys-sure")
	r.press("account-passkeys-remove")
	r.press("step-up") // a remembered browser does not remove what it stands in for
	r.at("/account/security?removed=passkeys", "Sign-in methods")
}

func TestAuthenticatorsAreToldWhatIsGone(t *testing.T) {
	r := newcomer(t)
	r.joins()
	id := plug(r.Page, phone)
	r.Open(r.s.URL + "/account/passkeys/add")
	r.press("account-passkeys-add")
	if len(holds(r.Page, id)) != 1 {
		t.Fatal("nothing was made")
	}
	r.Load(func() { r.Click("[data-testid=account-passkeys] .acts a") })
	r.Click("#account-passkeys-sure")
	r.press("account-passkeys-remove")
	r.at("/account/security?removed=passkeys", "Sign-in methods")
	for range 50 {
		if len(holds(r.Page, id)) == 0 {
			return
		}
		testbrowser.Eval[string](r.Page, "document.title")
	}
	t.Error("the phone keeps a passkey that is good for nothing")
}

func TestStepUpByPasskeyReturnsToWhatWasBeingDone(t *testing.T) {
	r := newcomer(t)
	r.joins()
	plug(r.Page, stick)
	plug(r.Page, phone) // several at once
	r.Open(r.s.URL + "/account/passkeys/add")
	r.press("account-passkeys-add")
	r.s.Advance(11 * time.Minute)
	r.Open(r.s.URL + "/account/emails")
	r.Fill("#account-emails-address", "merian@example.org")
	r.press("account-emails")
	r.at("/step-up?then=%2Faccount%2Femails", "Confirm that it is you")
	if !testbrowser.Eval[bool](r.Page, "!!document.querySelector('[data-passkey=get]')") {
		r.Load(func() { r.Click("[data-testid=step-up-passkey]") })
	}
	r.press("step-up")
	r.at("/account/emails?done=added", "Email addresses")
}

// download lets the browser save files in a folder.
func download(p *testbrowser.Page, folder string) {
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		info, err := chromedp.Call(ctx, target.GetTargetInfo, target.GetTargetInfoParams{})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, BrowserContextID: info.TargetInfo.BrowserContextID})
		return err
	}))
}

// TestABrowserMayMakeAPasskeyInSilence stands in for the browser's own decision
// alone, which depends on its password manager; the passkey and the server are real.
func TestABrowserMayMakeAPasskeyInSilence(t *testing.T) {
	r := newcomer(t)
	r.joins()
	id := plug(r.Page, phone)
	r.leaves()
	r.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			const make = navigator.credentials.create.bind(navigator.credentials);
			navigator.credentials.create = o => o.mediation === "conditional" ? make({ publicKey: o.publicKey }) : Promise.reject(new DOMException("", "NotAllowedError"));`})
		return err
	}))
	r.Open(r.s.URL + "/sign-in")
	r.enter(maria)
	r.enter(first)
	r.at("/account", "Overview")
	if got := r.Text("p.notice"); got != "Passkey added." {
		t.Errorf("the page says %q", got)
	}
	if len(holds(r.Page, id)) != 1 {
		t.Error("nothing was made")
	}
	r.Open(r.s.URL + "/account/security")
	if got := r.Text("[data-testid=account-passkeys]"); !strings.Contains(got, "Manage") {
		t.Errorf("the server keeps nothing: %s", got)
	}
}

func TestAPasskeyThatVerifiesItsOwnerIsTwoSteps(t *testing.T) {
	r := newcomer(t)
	r.joins()
	id := plug(r.Page, phone)
	r.Open(r.s.URL + "/account/passkeys/add")
	r.press("account-passkeys-add")
	r.Open(r.s.URL + "/account/totp/add")
	r.addsAnApp("account-totp-add", "#account-totp-add-code")
	r.leaves()
	r.Open(r.s.URL + "/sign-in")
	r.Load(func() { r.Click("[data-testid=sign-in-passkey-submit]") })
	r.at("/account", "Overview")
	r.leaves()
	touch(r.Page, id, false)
	r.startsToSignIn()
	r.at("/sign-in?method=passkey", "Use your passkey") // it stands in for the app, and was used last time
	touch(r.Page, id, true)
	r.press("sign-in")
	r.at("/account", "Overview")
}

func TestANewAccountMayChooseAgain(t *testing.T) {
	r := newcomer(t)
	r.Open(r.s.URL + "/sign-up")
	r.Fill("#sign-up-identifier", maria)
	r.Load(func() { r.Click("[data-testid=sign-up-passkey]") })
	r.at("/sign-up?method=passkey", "Add a passkey")
	r.Load(func() { r.Click("[data-testid=sign-up-password]") })
	r.at("/sign-up?method=password", "Choose a new password")
	r.enter(first)
	r.at("/sign-up?method=email_code", "Check your mail")
	r.enter(r.s.Wait(maria, 0).Code())
	r.at("/account?done=welcome", "Overview")
}
