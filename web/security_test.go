package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/login"
	"github.com/countersign-id/countersign/web"
)

func TestTheBestWayIsShownFirstAndTheLastOneIsMarked(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/sign-in"), 200, `data-nameless="passkey"`, `autocomplete="username webauthn"`, "/assets/passkeys.")
	goes(t, p.post("/sign-in", "do", "start", "identifier", ada), "/sign-in?method=password")
	w.session.Methods = []string{"email_code", "totp"}
	r := p.post("/sign-in", "do", "answer", "method", "password", "password", right)
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "countersign-used=email_code.totp; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax") {
		t.Errorf("the cookies are %s", got)
	}
	p.post("/sign-out")
	goes(t, p.post("/sign-in", "do", "start", "identifier", ada), "/sign-in?method=email_code")
	says(t, p.get("/sign-in?method=password"), 200, "last used")
	// What a stranger puts there names nothing and shows nothing.
	q := visit(t, &httptest.Server{URL: p.base})
	q.http.Jar.SetCookies(must(url.Parse(p.base)), []*http.Cookie{{Name: "countersign-used", Value: "no_such.email_code" + strings.Repeat("x", 300)}})
	goes(t, q.post("/sign-in", "do", "start", "identifier", ada), "/sign-in?method=password")
}

func TestNothingIsBegunWithoutANameUnlessThatWasMeant(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.post("/sign-in", "do", "start", "identifier", ""), 422, "Enter an address such as")
	if len(w.started) > 0 {
		t.Errorf("began %+v", w.started)
	}
	goes(t, p.post("/sign-in", "do", "start", "method", "passkey", "return_to", "/docs"), "/sign-in?method=passkey")
	says(t, p.get("/sign-in?method=passkey"), 200, `data-passkey="get"`, `"challenge"`, "Use an address or a username instead")
}

func TestACodeIsSentWhenAskedForAndOnce(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	unsent := p.get("/sign-in?method=email_code")
	says(t, unsent, 200, "Send a code to "+ada, `name="do" value="send"`)
	if strings.Contains(unsent.body, "one-time-code") {
		t.Error("a code is asked for that nobody has")
	}
	goes(t, p.post("/sign-in", "do", "send", "method", "email_code"), "/sign-in?method=email_code")
	says(t, p.get("/sign-in?method=email_code"), 200, `autocomplete="one-time-code"`, "Send a new one")
	goes(t, p.post("/sign-in", "do", "send", "method", "email_code"), "/sign-in?method=email_code&done=sent")
	goes(t, p.post("/sign-in", "do", "send", "method", "magic_link"), "/sign-in?method=magic_link")
	link := p.get("/sign-in?method=magic_link")
	says(t, link, 200, "Open the link that we send", "Send a new one")
	if strings.Contains(link.body, `data-testid="sign-in-submit"`) {
		t.Error("there is a button with nothing to send")
	}
}

func TestTheSecondStepCanBeRemembered(t *testing.T) {
	w := newWorld()
	w.second = second
	p := visit(t, pages(t, w, nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	goes(t, p.post("/sign-in", "do", "answer", "method", "password", "password", right), "/sign-in?method=totp")
	says(t, p.get("/sign-in?method=totp"), 200, `name="remember"`, "Use a recovery code", "Use a passkey")
	r := p.post("/sign-in", "do", "answer", "method", "totp", "code", code, "remember", "yes")
	goes(t, r, "/account")
	if !slices.Contains(w.changes, "add devices by "+string(adaID)) {
		t.Errorf("did %v", w.changes)
	}
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "countersign-remembered=cs_dev_") || !strings.Contains(got, "Max-Age=2592000; HttpOnly") {
		t.Errorf("the cookies are %s", got)
	}
	if strings.Contains(r.body+r.to(), "cs_dev_") {
		t.Error("the token is in the page")
	}
}

func TestOnlyWhoAsksIsRemembered(t *testing.T) {
	w := newWorld()
	w.second = second
	p := visit(t, pages(t, w, nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	p.post("/sign-in", "do", "answer", "method", "password", "password", right)
	r := p.post("/sign-in", "do", "answer", "method", "totp", "code", code)
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); strings.Contains(got, "remembered") || len(w.changes) > 0 {
		t.Errorf("did %v and set %s", w.changes, got)
	}
}

func TestAResetIsBegunByAButtonAndStoppedByOne(t *testing.T) {
	w := newWorld()
	w.second, w.lost = []login.Offer{{Method: "totp"}}, true
	p := visit(t, pages(t, w, nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	p.post("/sign-in", "do", "answer", "method", "password", "password", right)
	says(t, p.get("/sign-in?method=totp"), 200, `href="/sign-in?lost=1"`)
	says(t, p.get("/sign-in?lost=1"), 200, "Lost your other way in?", `data-testid="sign-in-lost-submit"`, "in 3 days")
	if len(w.changes) > 0 {
		t.Fatalf("looking did %v", w.changes)
	}
	goes(t, p.post("/sign-in", "do", "lost"), "/sign-in?lost=begun")
	says(t, p.get("/sign-in?lost=begun"), 200, "The waiting time has begun")
	says(t, p.get("/factor-reset?token="+goodLink), 200, "Stop the reset")
	if len(w.changes) != 1 {
		t.Errorf("looking did %v", w.changes)
	}
	says(t, p.post("/factor-reset", "token", goodLink), 200, "The reset is stopped", `href="/recover"`)
	says(t, p.post("/factor-reset", "token", "x"), 410, "No reset is waiting", `href="/recover"`)
	says(t, p.get("/factor-reset"), 410)
	if got := p.get("/factor-reset?token=" + goodLink).header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("the page of a link has the referrer policy %q", got)
	}
}

func TestNobodyWhoHasNotLostAnythingIsOfferedAReset(t *testing.T) {
	w := newWorld()
	w.second = second
	p := visit(t, pages(t, w, nil))
	goes(t, p.post("/sign-in", "do", "lost"), "/sign-in?method=none")
	p.post("/sign-in", "do", "start", "identifier", ada)
	goes(t, p.get("/sign-in?lost=1"), "/sign-in?method=password")
	p.post("/sign-in", "do", "answer", "method", "password", "password", right)
	if strings.Contains(p.get("/sign-in?method=totp").body, "lost=1") {
		t.Error("a reset is offered")
	}
}

func TestWhatIsShownOnceStaysTheSameFromOneTryToTheNext(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	page := p.get("/account/totp/add")
	says(t, page, 200, `class="qr"><svg role="img" aria-label="QR code"`, `data-testid="account-totp-add-submit"`)
	shown := html.UnescapeString(regexp.MustCompile(`name="shown" value="([^"]*)"`).FindStringSubmatch(page.body)[1])
	wrong := p.post("/account/totp/add", "id", string(phoneID), "shown", shown, "code", "000000", "name", "Phone")
	says(t, wrong, 422, "That code does not match", `aria-label="QR code"`, html.EscapeString(shown)[:40], `value="Phone"`, string(phoneID))
	// It is shown to whoever sends it, so a picture of anything else is refused.
	evil := p.post("/account/totp/add", "id", string(phoneID), "shown", `{"secret":"A","qr_svg":"<svg onload=alert(1)></svg>"}`, "code", "000000")
	if evil.status != 422 || strings.Contains(evil.body, "<svg onload") {
		t.Errorf("%d %s", evil.status, evil.body)
	}
	goes(t, p.post("/account/totp/add", "id", string(phoneID), "shown", shown, "code", "123 456", "name", "Phone"), "/account/security?added=totp")
	if got := w.changes[len(w.changes)-1]; got != `confirm totp {"code":"123456","name":"Phone"}` {
		t.Errorf("did %s", got)
	}
	says(t, p.get("/account/security?added=totp"), 200, "Authenticator app added")
	says(t, p.post("/account/totp/add", "id", "crd_old", "code", "123456"), 409, "This took too long", `data-testid="account-totp-add-submit"`)
}

func TestRecoveryCodesAreShownOnceAndOnlyWhenMade(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	if r := p.get("/account/recovery-codes/add"); strings.Contains(r.body, `class="codes"`) || len(w.changes) > 0 {
		t.Errorf("looking did %v", w.changes)
	}
	r := p.post("/account/recovery-codes/add")
	says(t, r, 200, `class="codes"`, "Recovery codes made", `href="/account/security"`)
	if r.header.Get("Cache-Control") != "no-store" {
		t.Error("the codes may be cached")
	}
	w.fresh = false
	if r := p.post("/account/recovery-codes/add"); r.status != http.StatusTemporaryRedirect || r.to() != "/step-up?then=%2Faccount%2Frecovery-codes%2Fadd" {
		t.Errorf("%d to %s", r.status, r.to())
	}
	w.fresh = true
}

func TestOneCredentialIsRenamedAndRemoved(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	at := "/account/passkeys/" + string(phoneID)
	says(t, p.get(at), 200, "Kept by iCloud Keychain", `value="Phone"`, `data-testid="account-passkeys-remove-submit"`)
	goes(t, p.post(at, "do", "rename", "name", " Old phone "), "/account/security?done=renamed")
	says(t, p.post(at, "do", "rename", "name", ""), 422, "Use 1 to 60 characters")
	says(t, p.post(at, "do", "remove"), 422, "Tick the box")
	goes(t, p.post(at, "do", "remove", "sure", "yes"), "/account/security?removed=passkeys")
	says(t, p.get("/account/security?removed=passkeys"), 200, "Passkey removed.")
	w.fail["remove"] = countersign.ErrConflict
	says(t, p.post(at, "do", "remove", "sure", "yes"), 409, "This is your only way in")
	w.fail["remove"] = nil
	w.fresh = false
	if r := p.post(at, "do", "remove", "sure", "yes"); r.status != http.StatusTemporaryRedirect {
		t.Errorf("%d to %s", r.status, r.to())
	}
	w.changes = nil
	goes(t, p.post("/step-up", "do", "prove", "then", at, "method", "password", "password", right, "then.do", "remove", "then.sure", "yes"), "/account/security?removed=passkeys")
	if !slices.Contains(w.changes, "remove passkeys "+string(phoneID)) {
		t.Errorf("did %v", w.changes)
	}
	for _, path := range []string{"/account/passkeys/crd_x", "/account/nothing/add", "/account/nothing/" + string(phoneID), "/account/devices/add", "/account/factor-reset/add"} {
		says(t, p.get(path), 404)
		if r := p.post(path, "do", "remove", "sure", "yes"); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

func TestThePageOfWaysSaysHowTheAccountStands(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil)).signIn()
	says(t, p.get("/account/security"), 200, "3 ways in, a second step, one recovery kit", "9 of 10 codes left", "Until 18 December 2026", "How would I get back in?",
		html.EscapeString(`"ids":["AAEC","AwQF"]`), "Manage numbers")
	says(t, p.get("/account"), 200, "3 ways in, a second step, one recovery kit, 2 devices signed in")
	w.set("recovery-codes")
	says(t, p.get("/account"), 200, "Nothing stands in for a phone", `href="/account/recovery-codes/add"`)
	w.security.First, w.security.Second = []string{"passkey"}, nil
	if r := p.get("/account"); strings.Contains(r.body, "your only way in") {
		t.Error("two passkeys are two")
	}
	w.set("passkeys", w.security.Kept[2].Items[0])
	says(t, p.get("/account"), 200, "One thing is your only way in", `href="/account/passkeys/add"`)
	w.set("factor-reset", account.Factor{ID: phoneID, Method: "factor_reset", Detail: map[string]any{"ready_at": "2026-11-25T12:00:00Z", "until": "2026-12-02T12:00:00Z"}})
	says(t, p.get("/account"), 200, "Somebody has asked to reset your second step", `href="/account/security"`)
	says(t, p.get("/account/security"), 200, "A reset is waiting", "Stop the reset")
}

func TestAnOfferIsPutOffForTwoWeeksOrForGood(t *testing.T) {
	w := newWorld()
	w.set("passkeys")
	p := visit(t, pages(t, w, nil)).signIn()
	says(t, p.get("/account"), 200, `data-testid="offer"`)
	r := p.post("/account/later", "do", "later")
	goes(t, r, "/account")
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "countersign-offer=later; Path=/; Max-Age=1209600; HttpOnly") {
		t.Errorf("the cookies are %s", got)
	}
	if strings.Contains(p.get("/account").body, `data-testid="offer"`) {
		t.Error("it is offered again")
	}
	if got := strings.Join(p.post("/account/later", "do", "never").header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "Max-Age=34560000") {
		t.Errorf("the cookies are %s", got)
	}
	for _, methods := range [][]string{{"passkey"}, {"password", "passkey"}} {
		w.session.Methods = methods
		if r := visit(t, pages(t, w, nil)).signIn().get("/account"); strings.Contains(r.body, `data-testid="offer"`) {
			t.Errorf("offered after %v", methods)
		}
	}
}

func TestSigningUpWithSomethingElse(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/sign-up"), 200, `name="with" value="passkey"`, "Email or phone number")
	goes(t, p.post("/sign-up", "do", "start", "method", "password", "identifier", ada, "password", "", "with", "passkey"), "/sign-up?method=passkey")
	if w.started[0].Evidence != nil {
		t.Errorf("began with %s", w.started[0].Evidence)
	}
	says(t, p.get("/sign-up?method=passkey"), 200, `data-passkey="create"`, `"challenge"`)
	says(t, visit(t, pages(t, newWorld(), nil)).post("/sign-up", "do", "start", "method", "password", "identifier", ada, "password", "", "with", "totp"), 422)
}

func TestMagicLinksHaveAPageOfTheirOwn(t *testing.T) {
	w := newWorld()
	w.link.Purpose = countersign.SignIn
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/magic-link?token="+goodLink), 200, "Firefox on Windows", `data-testid="magic-link-submit"`, `action="/magic-link"`)
	if len(w.changes) > 0 {
		t.Fatalf("looking did %v", w.changes)
	}
	says(t, p.get("/magic-link?token=cs_lnk_old"), 410, "This link has expired", `href="/sign-in"`)
	goes(t, p.get("/magic-link"), "/sign-in")
	p.post("/sign-in", "do", "start", "identifier", ada)
	p.post("/sign-in", "do", "send", "method", "magic_link")
	says(t, p.get("/magic-link?token=cs_lnk_old"), 410, "Send a new one to "+ada, `name="method" value="magic_link"`)
	goes(t, p.post("/magic-link", "token", goodLink), "/account")
}

func TestWhatBrowsersLookForAboutPasskeys(t *testing.T) {
	p := visit(t, pages(t, newWorld(), func(s *web.Server) { s.RelatedOrigins = []string{"https://example.org"} }))
	says(t, p.get("/.well-known/passkey-endpoints"), 200, `"enroll":"`+p.base+`/account/passkeys/add"`, `"manage":"`+p.base+`/account/security"`)
	says(t, p.get("/.well-known/webauthn"), 200, `{"origins":["https://example.org"]}`)
	none := visit(t, pages(t, newWorld(), func(s *web.Server) { s.Nameless = "" }))
	says(t, none.get("/.well-known/passkey-endpoints"), 404)
	says(t, none.get("/.well-known/webauthn"), 404)
	if r := none.get("/sign-in"); strings.Contains(r.body, "data-nameless") || strings.Contains(r.body, "passkeys.") {
		t.Error("passkeys are offered where there are none")
	}
	if got := p.get("/sign-in").header.Get("Permissions-Policy"); !strings.Contains(got, "publickey-credentials-get=(self)") {
		t.Errorf("the permissions are %q", got)
	}
}
