package testbrowser

import (
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// strict is a policy as tight as our pages have, so that the harness is shown
// to work under it.
const strict = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'"

const form = `<!doctype html><html lang="en"><title>Sign in</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css"><script src="/script.js" defer></script>
<main><h1>Sign in</h1><p id="greeting">without script</p>
<form method="post" action="/welcome"><label for="who">Email</label>
<input id="who" name="who" autocomplete="username" aria-describedby="hint"><p id="hint">As you signed up with</p>
<button id="go">Continue</button></form></main></html>`

// handler is a small site with one good page, one bad page and their parts.
func handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern, kind, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Security-Policy", strict)
			w.Write([]byte(body))
		})
	}
	answer("GET /{$}", "text/html; charset=utf-8", form)
	answer("GET /style.css", "text/css", "body{background:#fff;color:#222} button,input{min-height:2rem}"+
		"@media (prefers-color-scheme: dark){body{background:#111;color:#eee}}")
	answer("GET /script.js", "text/javascript", `document.getElementById("greeting").textContent = "with script"`)
	answer("GET /bad", "text/html; charset=utf-8", `<!doctype html><html><title></title><input>`+
		`<p style="color:#ddd">pale</p><img src="http://foreign.invalid/pixel.png"><script>alert(1)</script></html>`)
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	mux.HandleFunc("POST /welcome", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "known", HttpOnly: true})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusAccepted)
		w.Write([]byte("<!doctype html><html lang=en><title>In</title><h1>Welcome " + r.FormValue("who") + "</h1>"))
	})
	mux.HandleFunc("GET /visitor", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		known := err == nil && c.Value == "known"
		w.Write([]byte(strings.ToUpper(r.Header.Get("Accept-Language")) + map[bool]string{true: " known", false: " stranger"}[known]))
	})
	return mux
}

func TestBrowser(t *testing.T) {
	site := httptest.NewServer(handler())
	t.Cleanup(site.Close)
	b := New(t, Options{})
	for name, test := range map[string]func(*testing.T, *Browser, string){
		"a form is filled in and sent by mouse":                   byMouse,
		"a form is filled in and sent by keyboard":                byKeyboard,
		"a form works without JavaScript":                         withoutScript,
		"a view sets size, colours and language":                  views,
		"a page shares nothing with another page, but a tab does": profiles,
		"traffic counts requests, bytes and foreign hosts":        countTraffic,
		"a good page has no violations, in every view":            goodPage,
		"a bad page has violations and errors":                    badPage,
		"a screenshot shows the page at its size":                 screenshot,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b, site.URL)
		})
	}
}

func byMouse(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{})
	p.Open(site)
	p.Fill("#who", "bob@example.com")
	p.Fill("#who", "ada@example.com")
	if status := p.Load(func() { p.Click("#go") }); status != http.StatusAccepted {
		t.Errorf("status %d, want %d", status, http.StatusAccepted)
	}
	if got := p.Text("h1"); got != "Welcome ada@example.com" {
		t.Errorf("the page says %q", got)
	}
	if p.URL() != site+"/welcome" {
		t.Errorf("the page is at %s", p.URL())
	}
}

func byKeyboard(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{Phone: true})
	p.Open(site)
	if f := p.Focused(); f != (Focus{}) {
		t.Errorf("a fresh page has its focus on %+v", f)
	}
	p.Press(kb.Tab)
	want := Focus{ID: "who", Role: "textbox", Name: "Email", Description: "As you signed up with"}
	if diff := cmp.Diff(want, p.Focused()); diff != "" {
		t.Error(diff)
	}
	p.Press("ada")
	p.Press(kb.Tab)
	if got := p.Focused().Name; got != "Continue" {
		t.Errorf("the focus is on %q, want the button", got)
	}
	p.Load(func() { p.Press(kb.Enter) })
	if got := p.Text("h1"); got != "Welcome ada" {
		t.Errorf("the page says %q", got)
	}
}

func withoutScript(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{NoScript: true})
	p.Open(site)
	if got := p.Text("#greeting"); got != "without script" {
		t.Errorf("the page says %q: its script has run", got)
	}
	if v := p.Axe(); len(v) != 0 {
		t.Errorf("violations: %v", v)
	}
	if got := p.Text("#greeting"); got != "without script" {
		t.Errorf("the page says %q: the audit let its script run", got)
	}
	p.Fill("#who", "ada")
	p.Load(func() { p.Click("#go") })
	if got := p.Text("h1"); got != "Welcome ada" {
		t.Errorf("the page says %q", got)
	}
	scripted := b.Page(t, View{})
	scripted.Open(site)
	if got := scripted.Text("#greeting"); got != "with script" {
		t.Errorf("the page says %q: its script has not run", got)
	}
}

func views(t *testing.T, b *Browser, site string) {
	for view, want := range map[View]string{
		{}:                           "1280x900 rgb(255, 255, 255)",
		{Phone: true, Dark: true}:    "360x740 rgb(17, 17, 17)",
		{Dark: true, NoScript: true}: "1280x900 rgb(17, 17, 17)",
	} {
		p := b.Page(t, view)
		p.Open(site)
		got := Eval[string](p, "innerWidth+'x'+innerHeight+' '+getComputedStyle(document.body).backgroundColor")
		if got != want {
			t.Errorf("%+v: %s, want %s", view, got, want)
		}
	}
	p := b.Page(t, View{Language: "de"})
	p.Open(site + "/visitor")
	if got := p.Text("body"); got != "DE stranger" {
		t.Errorf("the server saw %q", got)
	}
}

func profiles(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{Language: "en"})
	p.Open(site)
	p.Load(func() { p.Click("#go") })
	tab, other := p.Tab(), b.Page(t, View{Language: "en"})
	tab.Open(site + "/visitor")
	other.Open(site + "/visitor")
	got := []string{tab.Text("body"), other.Text("body")}
	if diff := cmp.Diff([]string{"EN known", "EN stranger"}, got); diff != "" {
		t.Error(diff)
	}
}

func countTraffic(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{})
	p.Open(site + "/bad") // must not count: Open starts again
	p.Open(site + "/away")
	got := p.Traffic()
	want := []string{site + "/away", site + "/", site + "/style.css", site + "/script.js"}
	if diff := cmp.Diff(want, got.Requests); diff != "" {
		t.Error(diff)
	}
	if got.Bytes < len(form) || got.Bytes > 10*len(form) {
		t.Errorf("%d bytes for a form of %d", got.Bytes, len(form))
	}
	if len(got.Foreign) != 0 {
		t.Errorf("foreign hosts: %v", got.Foreign)
	}
}

func goodPage(t *testing.T, b *Browser, site string) {
	for _, view := range []View{{}, {Dark: true}, {Phone: true}, {Phone: true, Dark: true}} {
		p := b.Page(t, view)
		p.Open(site)
		for _, v := range p.Axe() {
			t.Errorf("%+v: %v", view, v)
		}
		if errs := p.Errors(); len(errs) != 0 {
			t.Errorf("%+v: %q", view, errs)
		}
		if Eval[bool](p, "'axe' in window") {
			t.Errorf("%+v: the page can see the checker", view)
		}
	}
}

func badPage(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{})
	p.Open(site + "/bad")
	rules := map[string]bool{}
	for _, v := range p.Axe() {
		rules[v.Rule] = true
		if !strings.Contains(v.String(), v.Nodes[0]) {
			t.Errorf("%s does not name the element at fault", v.Rule)
		}
	}
	for _, want := range []string{"html-has-lang", "document-title", "label", "image-alt"} {
		if !rules[want] {
			t.Errorf("axe did not find %s, only %v", want, rules)
		}
	}
	said := strings.Join(p.Errors(), "\n")
	for _, want := range []string{"script-src", "style-src", "img-src"} {
		if !strings.Contains(said, want) {
			t.Errorf("the console does not speak of %s:\n%s", want, said)
		}
	}
}

func screenshot(t *testing.T, b *Browser, site string) {
	p := b.Page(t, View{Phone: true})
	p.Open(site)
	path := filepath.Join(t.TempDir(), "page.png")
	p.Screenshot(path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 360 || size.Y < 740 {
		t.Errorf("the picture has %v pixels", size)
	}
}
