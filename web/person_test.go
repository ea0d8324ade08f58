package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// person is somebody with a browser that follows nothing by itself.
type person struct {
	t    testing.TB
	http *http.Client
	base string
}

// reply is a page that came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) to() string { return r.header.Get("Location") }

func visit(t testing.TB, s *httptest.Server) *person {
	jar := must(cookiejar.New(nil))
	return &person{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, s.URL}
}

func (p *person) send(r *http.Request) reply {
	p.t.Helper()
	answer, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	return reply{answer.StatusCode, answer.Header, string(must(io.ReadAll(answer.Body)))}
}

func (p *person) get(path string) reply {
	p.t.Helper()
	return p.send(must(http.NewRequest("GET", p.base+path, nil)))
}

func (p *person) post(path string, fields ...string) reply {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := must(http.NewRequest("POST", p.base+path, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.send(r)
}

func (p *person) signIn() *person {
	p.t.Helper()
	if r := p.post("/sign-in", "identifier", ada, "password", right); r.status != 303 || r.to() != "/account" {
		p.t.Fatalf("sign-in: %d to %s", r.status, r.to())
	}
	return p
}

// goes fails unless the answer leads to a path.
func goes(t *testing.T, r reply, to string) {
	t.Helper()
	if r.status != http.StatusSeeOther || r.to() != to {
		t.Errorf("%d to %q, want 303 to %q\n%s", r.status, r.to(), to, r.body)
	}
}

// says fails unless the page has the status and every text.
func says(t *testing.T, r reply, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(r.body, text) {
			t.Errorf("the page does not have %q:\n%s", text, r.body)
		}
	}
}
