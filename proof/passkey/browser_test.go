package passkey_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/testbrowser"
	"github.com/countersign-id/countersign/proof/passkey"
)

// chromium is a page at our origin with authenticators of Chromium's own, which
// parses our options and writes the answers itself.
type chromium struct {
	*testing.T
	page *testbrowser.Page
	m    *passkey.Method
}

func newChromium(t *testing.T, b *testbrowser.Browser, change ...func(*passkey.Options)) *chromium {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>passkeys</title>"))
	}))
	t.Cleanup(site.Close)
	at := strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	c := &chromium{T: t, page: b.Page(t, testbrowser.View{}), m: newMethod(t, append(change, func(o *passkey.Options) {
		o.RPID, o.Origins = "localhost", []string{at}
	})...)}
	c.page.Open(at)
	call(c.page, func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
		return err
	})
	return c
}

func call(p *testbrowser.Page, do func(context.Context) error) {
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { return do(ctx) }))
}

// plug adds an authenticator; pull takes it away.
func (c *chromium) plug(o webauthn.VirtualAuthenticatorOptions) (pull func()) {
	c.Helper()
	o.Protocol, o.AutomaticPresenceSimulation = webauthn.AuthenticatorProtocolCtap2, true
	var made webauthn.AddVirtualAuthenticatorResult
	call(c.page, func(ctx context.Context) (err error) {
		made, err = chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &o})
		return err
	})
	return func() {
		call(c.page, func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams(made))
			return err
		})
	}
}

// ask hands options to the browser and returns what it answers, or its error's name.
func (c *chromium) ask(kind string, show []byte) string {
	c.Helper()
	parser := map[string]string{"create": "parseCreationOptionsFromJSON", "get": "parseRequestOptionsFromJSON"}[kind]
	var answer string
	call(c.page, func(ctx context.Context) (err error) {
		answer, err = chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => {
		try {
			const asked = `+string(show)+`;
			const answer = await navigator.credentials.`+kind+`({publicKey: PublicKeyCredential.`+parser+`(asked.publicKey)});
			return JSON.stringify(answer.toJSON());
		} catch (e) { return e.name; }
	})()`, chromedp.EvalAwaitPromise))
		return err
	})
	return answer
}

func (c *chromium) enroll(s *countersign.Subject) error {
	c.Helper()
	asked, err := c.m.Prepare(c.Context(), *s)
	if err != nil {
		return err
	}
	response := c.ask("create", asked.Show)
	if !json.Valid([]byte(response)) {
		c.Fatalf("no new passkey: %s", response)
	}
	made, err := c.m.Enroll(c.Context(), *s, countersign.Evidence{Asked: asked.Keep, Answer: text(response)})
	if err == nil {
		s.Credentials = append(s.Credentials, made)
	}
	return err
}

func (c *chromium) check(s, named countersign.Subject) (countersign.Proof, error) {
	c.Helper()
	asked, err := c.m.Challenge(c.Context(), named)
	if err != nil {
		return countersign.Proof{}, err
	}
	response := c.ask("get", asked.Show)
	if !json.Valid([]byte(response)) {
		return countersign.Proof{}, countersign.NoMatch(response)
	}
	if got := c.m.Names(text(response)); got == "" {
		c.Error("the answer names no passkey")
	}
	return c.m.Check(c.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: text(response)})
}

func TestChromiumMakesAndUsesPasskeys(t *testing.T) {
	b := testbrowser.New(t, testbrowser.Options{})
	both := countersign.Has | countersign.Is
	for name, c := range map[string]struct {
		kind     webauthn.VirtualAuthenticatorOptions
		nameless bool // it finds its passkey without being told which
		factor   countersign.Factor
		synced   bool
	}{
		"a phone": {webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true}, true, both, true},
		"a laptop": {webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true}, true, both, false},
		// Without a lock or a PIN, Chromium itself finds no passkey unless it is told which,
		// and makes none on a key that is plugged in and would store it.
		"a laptop without a lock": {webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true}, false, countersign.Has, false},
		"a key with a PIN": {webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true}, true, both, false},
		"a key that remembers nothing": {webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb}, false, countersign.Has, false},
	} {
		t.Run(name, func(t *testing.T) {
			page := newChromium(t, b)
			page.plug(c.kind)
			s := ada()
			if err := page.enroll(&s); err != nil {
				t.Fatalf("%v: %s", err, reason(err))
			}
			if got := page.m.Detail(s.Credentials[0]); got["synced"] != c.synced {
				t.Errorf("it is kept as %v", got)
			}
			proved := s
			proved.Proved = true
			for range 2 { // the second time its counter must have moved on
				p, err := page.check(s, proved)
				if err != nil || p.Factor != c.factor {
					t.Fatalf("asked for by name: factors %b, %v: %s", p.Factor, err, reason(err))
				}
				s.Credentials[0] = *p.Renew
			}
			p, err := page.check(s, countersign.Subject{})
			if c.nameless != (err == nil && p.Identity == s.Identity) {
				t.Errorf("nobody named: %v: %s", err, reason(err))
			}
			asked, err := page.m.Prepare(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if got := page.ask("create", asked.Show); got != "InvalidStateError" {
				t.Errorf("a second passkey on the same device: %s", got)
			}
		})
	}
}

func TestChromiumUsesWhicheverPasskeyIsAtHand(t *testing.T) {
	page := newChromium(t, testbrowser.New(t, testbrowser.Options{}))
	s := ada()
	key := webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb}
	pull := page.plug(key)
	if err := page.enroll(&s); err != nil {
		t.Fatal(err)
	}
	pull()
	page.plug(key)
	if err := page.enroll(&s); err != nil {
		t.Fatal(err)
	}
	named := s
	named.Proved = true
	p, err := page.check(s, named)
	if err != nil || p.Renew.Lookup != s.Credentials[1].Lookup {
		t.Errorf("%v: %s", err, reason(err))
	}
}
