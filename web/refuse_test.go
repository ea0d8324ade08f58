package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/web"
)

func TestTheFirstAdministrator(t *testing.T) {
	w := newWorld()
	p := visit(t, pages(t, w, nil))
	says(t, p.get("/setup"), 403, "The set-up link is needed", "when it starts")
	says(t, p.get("/setup?token=wrong"), 403, "The set-up link is needed")
	says(t, p.get("/setup?token="+goodLink), 200, `data-testid="setup-submit"`, `name="token" value="`+goodLink)
	says(t, p.post("/setup", "token", goodLink, "email", "root@example.com", "password", "weak"), 422, "easy to guess", `value="root@example.com"`)
	goes(t, p.post("/setup", "token", goodLink, "email", "root@example.com", "password", right), "/account?done=welcome")
	says(t, visit(t, &httptest.Server{URL: p.base}).get("/setup?token="+goodLink), 410, "This server is set up")
}

func TestTheDevelopmentInbox(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	w.mails = mails(server.URL)
	p := visit(t, server)
	says(t, p.get("/dev/inbox"), 200, `href="/verify?token=`+goodLink+`"`, ">12345678</code>")
	r := must(http.NewRequest("GET", server.URL+"/dev/inbox", nil))
	r.Header.Set("Accept", "application/json")
	var got struct{ Items []web.Mail }
	if err := json.Unmarshal([]byte(p.send(r).body), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.mails, got.Items); diff != "" {
		t.Error(diff)
	}
	closed := visit(t, pages(t, newWorld(), func(s *web.Server) { s.Inbox = nil }))
	says(t, closed.get("/dev/inbox"), 404)
}

func TestEveryRefusalLeadsSomewhere(t *testing.T) {
	w := newWorld()
	server := pages(t, w, nil)
	p := visit(t, server).signIn()
	foreign := must(http.NewRequest("POST", server.URL+"/account/profile", strings.NewReader("name=x")))
	foreign.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	foreign.Header.Set("Origin", "https://evil.example")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	put := must(http.NewRequest("PUT", server.URL+"/sign-in", nil))
	for say, one := range map[string]struct {
		reply  reply
		status int
	}{
		"an unknown page":           {p.get("/no/such"), 404},
		"a method nobody has":       {p.send(put), 405},
		"a form of another site":    {p.send(foreign), 403},
		"a field twice":             {p.post("/sign-in", "identifier", ada, "identifier", "eve@example.com"), 400},
		"a NUL":                     {p.post("/sign-in", "identifier", "ada\x00@example.com"), 400},
		"text that is not UTF-8":    {p.post("/sign-in", "identifier", "ada\xff@example.com"), 400},
		"a field that is too long":  {p.post("/sign-in", "identifier", strings.Repeat("a", 100_000)), 400},
		"a body that is too large":  {p.post("/sign-in", "identifier", strings.Repeat("a", 2<<20)), 413},
		"a page that takes no form": {p.post("/account"), 405},
	} {
		if one.reply.status != one.status {
			t.Errorf("%s: status %d, want %d", say, one.reply.status, one.status)
		}
		if !strings.Contains(one.reply.body, `class="button primary" href="/"`) || !strings.Contains(one.reply.body, `<html lang="en">`) {
			t.Errorf("%s: is a dead end: %s", say, one.reply.body)
		}
	}
	if len(w.changes) > 0 {
		t.Errorf("refusals did %v", w.changes)
	}
	for _, code := range []error{countersign.ErrForbidden, countersign.ErrSlowDown, countersign.ErrOverloaded, countersign.ErrConflict, countersign.ErrExpired, errors.New("odd")} {
		w.fail["show"] = code
		if r := p.get("/account"); r.status < 400 || !strings.Contains(r.body, `class="button primary" href="/"`) {
			t.Errorf("%v: %d %s", code, r.status, r.body)
		}
	}
}

func TestLanguageAndColoursCanBeChosen(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	goes(t, p.post("/view", "locale", "de", "back", "/sign-in?return_to=/docs"), "/sign-in?return_to=/docs")
	goes(t, p.post("/view", "theme", "dark", "back", "//evil.example"), "/")
	says(t, p.get("/sign-in"), 200, `<html lang="de" data-theme="dark">`, "Anmelden")
	p.post("/view", "theme", "<script>", "back", "/")
	p.post("/view", "theme", "", "back", "/")
	says(t, p.get("/sign-in"), 200, `<html lang="de">`)
	r := must(http.NewRequest("GET", p.base+"/sign-up", nil))
	r.Header.Set("Accept-Language", "de-AT,de;q=0.9")
	says(t, visit(t, &httptest.Server{URL: p.base}).send(r), 200, `<html lang="de">`, "Konto anlegen")
}

func TestAssetsAreKeptForEverAndCompressed(t *testing.T) {
	p := visit(t, pages(t, newWorld(), nil))
	p.http.Transport = &http.Transport{DisableCompression: true}
	body := p.get("/sign-in").body
	for _, path := range regexp.MustCompile(`/assets/[^"]+`).FindAllString(body, -1) {
		r := must(http.NewRequest("GET", p.base+path[strings.Index(path, "/assets/"):], nil))
		r.Header.Set("Accept-Encoding", "gzip")
		got := p.send(r)
		if got.status != 200 || got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
		if strings.HasSuffix(path, ".css") && (got.header.Get("Content-Encoding") != "gzip" || len(got.body) > 8000) {
			t.Errorf("%s: %d bytes, %v", path, len(got.body), got.header)
		}
	}
	if css := must(os.ReadFile("assets/style.css")); len(css) > 20_000 {
		t.Errorf("the style sheet has %d bytes", len(css))
	}
	for path, kind := range map[string]string{"/favicon.ico": "image/vnd.microsoft.icon", "/apple-touch-icon.png": "image/png", "/robots.txt": "text/plain; charset=utf-8", "/site.webmanifest": "application/manifest+json"} {
		if r := p.get(path); r.status != 200 || r.header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %s", path, r.status, r.header.Get("Content-Type"))
		}
	}
	says(t, p.get("/assets/style.css"), 404)
	says(t, p.get("/assets/..%2fserver.go"), 404)
}

func TestWhatProgramsLookFor(t *testing.T) {
	p := visit(t, pages(t, newWorld(), func(s *web.Server) { s.Brand.Help = "mailto:help@example.com" }))
	goes(t, p.get("/.well-known/change-password"), "/account/password")
	says(t, p.get("/.well-known/security.txt"), 200, "Contact: mailto:help@example.com\nExpires: 2027-05-22T00:00:00Z\n")
	says(t, visit(t, pages(t, newWorld(), nil)).get("/.well-known/security.txt"), 404)
}

func TestAnOperatorsBrand(t *testing.T) {
	p := visit(t, pages(t, newWorld(), func(s *web.Server) {
		s.Brand = web.Brand{Name: "Acme", Hue: 150, Logo: []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), Terms: "https://acme.example/terms"}
		s.SignUpClosed = true
	}))
	r := p.get("/sign-in")
	says(t, r, 200, "<span>Acme</span>", `alt=""`, "/assets/logo.", "https://acme.example/terms")
	if strings.Contains(r.body, "Countersign") || strings.Contains(r.body, "/sign-up") {
		t.Error("ours shows, or a way to a new account")
	}
	css := regexp.MustCompile(`/assets/style[^"]+`).FindString(r.body)
	says(t, p.get(css), 200, ":root{--hue:150}")
	says(t, p.get("/sign-up"), 403, "by invitation")
	says(t, p.post("/sign-up", "identifier", ada, "password", right), 405)
}

// FuzzForms sends what strangers may send. No answer is a server error, and
// nothing that was typed as a password comes back.
func FuzzForms(f *testing.F) {
	w := newWorld()
	server := pages(f, w, nil)
	for _, seed := range []string{"identifier=ada%40example.com", "do=answer&method=password&password=x", "do=send&method=%00", "token=cs_lnk_good",
		"do=prove&then=%2Faccount%2Femails&then.address=x&method=password", "a=1&a=2", "%zz", "=&=", "do=again", "do=start&method=passkey", "do=lost", "use=totp&do=prove", "send=email_code&do=prove&then=%2Faccount%2Fphones", "shown=%7B%22qr_svg%22%3A1%7D&code=x&id=crd_", "with=passkey&identifier=ada%40example.com", strings.Repeat("a=", 9000)} {
		f.Add(seed, uint8(0))
	}
	paths := []string{"/sign-in", "/sign-up", "/recover", "/verify", "/step-up", "/account/emails", "/account/profile", "/setup", "/view", "/strength",
		"/magic-link", "/factor-reset", "/account/phones", "/account/later", "/account/totp/add", "/account/passkeys/" + string(phoneID)}
	f.Fuzz(func(t *testing.T, body string, at uint8) {
		p := visit(t, server)
		if at >= 128 {
			p.http.Jar.SetCookies(must(url.Parse(server.URL)), []*http.Cookie{{Name: "countersign", Value: "cs_ses_secret"}})
		}
		r := must(http.NewRequestWithContext(context.Background(), "POST", server.URL+paths[int(at)%len(paths)], bytes.NewReader([]byte(body))))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := p.send(r); got.status >= 500 {
			t.Errorf("%d: %s", got.status, fmt.Sprint(got.body))
		}
	})
}
