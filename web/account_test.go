package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

func TestOpeningALinkSpendsNothing(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/verify?token="+goodLink), 200, "Firefox on Windows", "192.0.2.7", "3 minutes ago", "Yes, that was me", `data-testid="verify-submit"`)
	if len(w.changes) > 0 {
		t.Fatalf("looking did %v", w.changes)
	}
	goes(t, p.post("/verify", "token", goodLink), "/account?done=welcome")
	if diff := cmp.Diff([]string{"follow "}, w.changes); diff != "" {
		t.Error(diff)
	}
}

func TestALinkInTheBrowserThatAskedAsksNoQuestions(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	p.post("/sign-up", "identifier", ada, "password", right)
	r := p.get("/verify?token=" + goodLink)
	says(t, r, 200, "Confirm address")
	if strings.Contains(r.body, "Firefox") {
		t.Error("it asks whether this was me")
	}
	goes(t, p.post("/verify", "token", goodLink), "/account?done=welcome")
	if w.changes[0] != "follow "+string(attemptID) {
		t.Errorf("the link was followed as %q", w.changes[0])
	}
}

func TestARecoveryLinkLeadsToANewPassword(t *testing.T) {
	w := newWorld()
	w.link.Purpose = countersign.Recover
	p := visit(t, pages(t, w, nil))
	goes(t, p.post("/verify", "token", goodLink), "/recover?method=password")
	says(t, p.get("/recover?method=password"), 200, "Choose a new password")
}

func TestAnExpiredLinkOffersANewOne(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/verify?token=cs_lnk_old"), 410, "This link has expired", `href="/recover"`)
	says(t, p.post("/verify", "token", "cs_lnk_old"), 410, "This link has expired")
	p.post("/sign-up", "identifier", ada, "password", right)
	says(t, p.get("/verify?token=cs_lnk_old"), 410, "Send a new one to "+ada, `action="/sign-up"`)
	goes(t, p.post("/sign-up", "do", "send", "method", "email_code"), "/sign-up?method=email_code&done=sent")
}

func TestAnAddedAddressIsProvedByItsLink(t *testing.T) {
	w := newWorld()
	w.link = countersignLink()
	p := visit(t, pages(t, w, nil))
	goes(t, p.post("/verify", "token", goodLink), "/sign-in?done=verified")
	goes(t, p.signIn().post("/verify", "token", goodLink), "/account/emails?done=verified")
}

func TestSensitiveChangesWaitForAProofAndKeepWhatWasTyped(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	w.fresh = false
	r := p.post("/account/emails", "do", "add", "address", "new@example.com")
	if r.status != http.StatusTemporaryRedirect || r.to() != "/step-up?then=%2Faccount%2Femails" {
		t.Fatalf("%d to %s", r.status, r.to())
	}
	page := p.post(r.to(), "do", "add", "address", "new@example.com", "old_password", "hunter2")
	says(t, page, 200, `data-testid="step-up"`, `name="then.address" value="new@example.com"`, `autocomplete="current-password"`)
	if strings.Contains(page.body, "hunter2") {
		t.Error("a password is kept in the page")
	}
	says(t, p.post("/step-up", "do", "prove", "then", "/account/emails", "method", "password", "password", "wrong", "then.do", "add", "then.address", "new@example.com"),
		422, `name="then.address" value="new@example.com"`, `name="then.do" value="add"`)
	goes(t, p.post("/step-up", "do", "prove", "then", "/account/emails", "method", "password", "password", right, "then.do", "add", "then.address", "new@example.com"),
		"/account/emails?done=added")
	if !slices.Contains(w.changes, "add new@example.com") {
		t.Errorf("did %v", w.changes)
	}
}

func TestAProofLeadsOnlyToOurOwnForms(t *testing.T) {
	for _, then := range []string{"https://evil.example", "//evil.example", "/sign-out", "/setup", ""} {
		w := newWorld()
		p := visit(t, pages(t, w, nil)).signIn()
		r := p.post("/step-up", "do", "prove", "then", then, "method", "password", "password", right, "then.do", "x")
		if r.status != 303 || strings.Contains(r.to(), "evil") || len(w.changes) > 0 {
			t.Errorf("%q led to %s and did %v", then, r.to(), w.changes)
		}
	}
}

func TestTheAccount(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	for _, one := range []struct {
		path   string
		fields []string
		to     string
		did    string
	}{
		{"/account/profile", []string{"name", " Ada ", "username", "", "locale", "de"}, "/account/profile?done=saved", `update {"name":"Ada","locale":"de"}`},
		{"/account/emails", []string{"do", "verify", "address", "ada@home.example", "code", "1234 5678"}, "/account/emails?done=verified", "verify ada@home.example"},
		{"/account/emails", []string{"do", "primary", "address", "countess@example.org"}, "/account/emails?done=primary", "primary countess@example.org"},
		{"/account/emails", []string{"do", "remove", "address", "countess@example.org"}, "/account/emails?done=removed", "remove countess@example.org"},
		{"/account/emails", []string{"do", "send", "address", "ada@home.example"}, "/account/emails?done=sent", "add ada@home.example"},
		{"/account/password", []string{"current_password", "old one", "new_password", right, "stray", "x"}, "/account/password?done=changed",
			`change password {"current_password":"old one","new_password":"` + right + `"}`},
		{"/account/sessions", []string{"session", "ses_other"}, "/account/sessions?done=ended", "end ses_other"},
		{"/account/sessions", []string{"do", "others"}, "/account/sessions?done=others", "others"},
	} {
		goes(t, p.post(one.path, one.fields...), one.to)
		if got := w.changes[len(w.changes)-1]; got != one.did {
			t.Errorf("did %s, want %s", got, one.did)
		}
		if strings.Contains(p.get(one.to).body, `role="status"`) == false {
			t.Errorf("%s does not say what was done", one.to)
		}
	}
	says(t, p.post("/account/password", "current_password", "wrong", "new_password", right), 422, `aria-describedby="account-password-current_password-error"`)
	says(t, p.post("/account/data", "do", "delete"), 422, "Tick the box")
	r := p.post("/account/data", "do", "export")
	if !strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment") || !json.Valid([]byte(r.body)) {
		t.Errorf("the export is %v %s", r.header, r.body)
	}
	goes(t, p.post("/account/data", "do", "delete", "sure", "yes"), "/sign-out?done=deleted")
	says(t, p.get("/sign-out?done=deleted"), 200, "Your account is deleted")
	goes(t, p.get("/account/data"), "/sign-in?return_to=%2Faccount%2Fdata")
}

func TestStrangersAreSentToSignIn(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	for _, tab := range []string{"", "/profile", "/emails", "/password", "/sessions", "/activity", "/data"} {
		goes(t, p.get("/account"+tab), "/sign-in?return_to="+url.QueryEscape("/account"+tab))
		if tab != "" && tab != "/activity" {
			goes(t, p.post("/account"+tab, "do", "delete", "sure", "yes"), "/sign-in?return_to="+url.QueryEscape("/account"+tab))
		}
	}
	goes(t, p.post("/step-up", "do", "prove", "method", "password", "password", right), "/sign-in?return_to=%2Fstep-up")
	if len(w.changes) > 0 {
		t.Errorf("a stranger did %v", w.changes)
	}
}

func TestSigningOutAsksFirst(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	says(t, p.get("/sign-out"), 200, `data-testid="sign-out-submit"`, "Stay signed in")
	if len(w.changes) > 0 {
		t.Fatal("looking signed out")
	}
	r := p.post("/sign-out")
	goes(t, r, "/sign-out?done=1")
	if !strings.Contains(strings.Join(r.header.Values("Set-Cookie"), "\n"), "countersign=; Path=/; Max-Age=0") {
		t.Errorf("the cookie stays: %v", r.header)
	}
	says(t, p.get("/sign-out?done=1"), 200, "You are signed out", `href="/sign-in"`)
}
