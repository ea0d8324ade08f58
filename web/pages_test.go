package web_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template/parse"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/web"
)

func TestNoStringIsMissing(t *testing.T) {
	if gaps := catalog(t).Missing(); len(gaps) > 0 {
		t.Error(strings.Join(gaps, "\n"))
	}
}

// TestNoTextOutsideTheCatalogues reads every template: what a person could read
// comes from an action, never from the template itself.
func TestNoTextOutsideTheCatalogues(t *testing.T) {
	sources := map[string]fs.FS{"templates": os.DirFS("templates")}
	for name, f := range methods() {
		sources[name] = f
	}
	tag, worded := regexp.MustCompile(`(?s)<[^<>]*>`), regexp.MustCompile(`(?:alt|title|placeholder|aria-label)="[^"{]*\pL`)
	for name, source := range sources {
		for _, file := range must(fs.Glob(source, "*.html")) {
			text := string(must(fs.ReadFile(source, file)))
			if at := worded.FindString(text); at != "" {
				t.Errorf("%s/%s: %s", name, file, at)
			}
			trees := map[string]*parse.Tree{}
			tree := parse.New(file)
			tree.Mode = parse.SkipFuncCheck
			must(tree.Parse(text, "", "", trees))
			// Actions become a space, so that tags with actions in them stay whole.
			plain := regexp.MustCompile(`(?s){{.*?}}`).ReplaceAllString(text, " ")
			plain = tag.ReplaceAllString(plain, " ")
			if at := regexp.MustCompile(`\pL+`).FindString(plain); at != "" {
				t.Errorf("%s/%s: the text %q is in the template", name, file, at)
			}
		}
	}
}

func TestEveryPageCarriesThePolicyAndNothingInline(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	stranger := visit(t, pages(t, newWorld(), nil))
	p.signIn()
	inline := regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*type="module">[^<])|\son[a-z]+=|\sstyle=|javascript:`)
	for _, r := range []reply{stranger.get("/sign-in"), stranger.get("/sign-up"), stranger.get("/recover"), stranger.get("/verify?token=" + goodLink), stranger.get("/nothing"),
		p.get("/account"), p.get("/account/emails"), p.get("/account/password"), p.get("/account/sessions"), p.get("/account/activity"), p.get("/account/data"), p.get("/dev/inbox")} {
		csp := r.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("the policy %q lacks %s", csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || inline.MatchString(r.body) {
			t.Errorf("inline: %s %q", csp, inline.FindString(r.body))
		}
		if r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control is %q", r.header.Get("Cache-Control"))
		}
	}
	if got := stranger.get("/verify?token=" + goodLink).header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("the page of a link has the referrer policy %q", got)
	}
}

func TestSigningInAsksOneQuestionAPage(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/sign-in"), 200, `data-testid="sign-in"`, `data-testid="sign-in-submit"`, `autocomplete="username webauthn"`, `name="identifier"`)
	goes(t, p.post("/sign-in", "do", "start", "identifier", ada), "/sign-in?method=password")
	says(t, p.get("/sign-in?method=password"), 200, ada, `autocomplete="current-password"`, `autocomplete="username"`, "Not you?")
	says(t, p.get("/sign-in"), 200, `value="`+ada+`"`) // back keeps what was typed
	wrong := p.post("/sign-in", "do", "answer", "method", "password", "identifier", ada, "password", "hunter2 is wrong")
	says(t, wrong, 422, "<title>Error:", `aria-invalid="true"`, `aria-describedby="sign-in-password-error"`, `role="alert"`, "/recover")
	if strings.Contains(wrong.body, "hunter2") {
		t.Error("the password came back")
	}
	r := p.post("/sign-in", "do", "answer", "method", "password", "identifier", ada, "password", right)
	goes(t, r, "/account")
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "countersign=cs_ses_secret; Path=/; Max-Age=") || !strings.Contains(got, "HttpOnly; SameSite=Lax") {
		t.Errorf("the cookies are %s", got)
	}
	if strings.Contains(r.body+r.to(), "att_") {
		t.Error("the attempt's id is in an address")
	}
	if diff := cmp.Diff([]string{`{"method":"password","password":"hunter2 is wrong"}`, `{"method":"password","password":"` + right + `"}`}, w.answers); diff != "" {
		t.Error(diff)
	}
	goes(t, p.get("/sign-in"), "/account")
	goes(t, p.get("/"), "/account")
}

func TestAManagerMaySendNameAndPasswordTogether(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	says(t, p.post("/sign-in", "identifier", ada, "password", "wrong"), 422, "Enter your password", ada)
	goes(t, p.post("/sign-in", "identifier", ada, "password", right), "/account")
}

func TestAnAttemptThatEndedMeanwhileCostsNoTyping(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	goes(t, p.post("/sign-in", "do", "answer", "method", "password", "identifier", ada, "password", right), "/account")
}

func TestABrowserWithoutCookiesIsToldSoAndNotSentInCircles(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	p.http.Jar = nil
	goes(t, p.post("/sign-in", "do", "start", "identifier", ada), "/sign-in?method=password")
	says(t, p.get("/sign-in?method=password"), 200, "keeps no cookies", `data-testid="sign-in"`)
}

func TestNotYouBeginsAgain(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	goes(t, p.post("/sign-in", "do", "again"), "/sign-in")
	if strings.Contains(p.get("/sign-in").body, ada) {
		t.Error("the address is still there")
	}
}

func TestTheWayBackIsOurOwnOrAllowed(t *testing.T) {
	for to, want := range map[string]string{
		"/docs": "/docs", "/account/profile?x=1": "/account/profile?x=1", "https://app.example.com/in": "https://app.example.com/in",
		"https://evil.example": "/account", "//evil.example": "/account", `/\evil.example`: "/account", "https:evil": "/account",
		"javascript:alert(1)": "/account", "/\tevil": "/account", "https://app.example.com.evil.example/": "/account", "": "/account",
	} {
		w := newWorld()
		p := visit(t, pages(t, w, func(s *web.Server) { s.ReturnTo = []string{"https://app.example.com"} }))
		goes(t, p.post("/sign-in", "identifier", ada, "password", right, "return_to", to), want)
		if got := p.get("/sign-in?return_to=" + url.QueryEscape(to)); got.to() != want {
			t.Errorf("someone signed in is sent from %q to %q", to, got.to())
		}
		page := visit(t, pages(t, newWorld(), nil)).get("/sign-in?return_to=" + url.QueryEscape(to)).body
		// The form for the language leads back to this very address; nothing else may.
		page = regexp.MustCompile(`<input type="hidden" name="back"[^>]*>`).ReplaceAllString(page, "")
		if strings.Contains(page, "evil") {
			t.Errorf("%q is in the page", to)
		}
	}
}

func TestSigningUp(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/sign-up"), 200, `data-testid="sign-up-submit"`, `autocomplete="new-password"`, `autocomplete="username"`, "At least 8 characters")
	says(t, p.post("/sign-up", "do", "start", "identifier", ada, "method", "password", "password", "short", "name", "Ada"), 422,
		"Use at least 8 characters.", `value="Ada"`, `value="`+ada+`"`)
	goes(t, p.post("/sign-up", "identifier", ada, "password", right, "name", "Ada"), "/sign-up?method=email_code")
	if got := w.started[1]; got.Traits.Name != "Ada" || got.Traits.Locale != "en" || string(got.Evidence) != `{"method":"password","password":"`+right+`"}` {
		t.Errorf("started %+v", got)
	}
	says(t, p.get("/sign-up?method=email_code"), 200, ada, `autocomplete="one-time-code"`, `inputmode="numeric"`, "Send a new one")
	says(t, p.post("/sign-up", "do", "answer", "method", "email_code", "code", "1111 1111"), 422, "That code does not match")
	goes(t, p.post("/sign-up", "do", "send", "method", "email_code"), "/sign-up?method=email_code&done=sent")
	if w.asked != 2 {
		t.Errorf("asked %d times: the first only fetches what was sent at the start", w.asked)
	}
	says(t, p.get("/sign-up?method=email_code&done=sent"), 200, "A new message is on its way")
	goes(t, p.post("/sign-up", "do", "answer", "method", "email_code", "code", "1234-5678 "), "/account?done=welcome")
	says(t, p.get("/account?done=welcome"), 200, "Welcome. Your account is ready.")
}

func TestRecovering(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	goes(t, p.post("/recover", "do", "start", "identifier", ada), "/recover?method=email_code")
	goes(t, p.post("/recover", "do", "answer", "method", "email_code", "code", code), "/recover?method=password")
	says(t, p.get("/recover?method=password"), 200, "Choose a new password", `autocomplete="new-password"`)
	goes(t, p.post("/recover", "do", "answer", "method", "password", "password", right), "/account?done=recovered")
}

func TestLimitsSayWhenToComeBack(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	p.post("/sign-in", "do", "start", "identifier", ada)
	w.fail["answer"] = countersign.SlowDown(15*time.Minute, "budget")
	r := p.post("/sign-in", "do", "answer", "method", "password", "password", "x")
	says(t, r, 429, "in 15 minutes", "/recover", `data-testid="sign-in"`)
	if r.header.Get("Retry-After") != "900" {
		t.Errorf("Retry-After: %q", r.header.Get("Retry-After"))
	}
	w.fail["answer"] = countersign.ErrOverloaded
	says(t, p.post("/sign-in", "do", "answer", "method", "password", "password", "x"), 503, "right now")
	w.fail["answer"] = errors.New("the disk is gone: secret=hunter2")
	if r := p.post("/sign-in", "do", "answer", "method", "password", "password", "x"); r.status != 500 || strings.Contains(r.body, "disk") {
		t.Errorf("%d %s", r.status, r.body)
	}
}
