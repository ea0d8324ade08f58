package server

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/config"
)

// word is a whole new way to prove: it asks for a word that everybody of the
// house was told. A real one would be a folder under proof/ with two more files
// of words; the rest of the repository never hears of it.
type word struct{}

func (word) Name() string { return "word" }

func (word) Factor() countersign.Factor { return countersign.Knows }

func (word) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Word string `json:"word"`
	}
	if json.Unmarshal(e.Answer, &in) != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `Give {"method", "word"}.`)
	}
	if in.Word == "impostor" { // a method with a fault: it says somebody else was there
		return countersign.Proof{Identity: "idn_eve", Method: "word", Factor: countersign.Knows, At: time.Now()}, nil
	}
	if in.Word == "nobody" {
		return countersign.Proof{Method: "word", Factor: countersign.Knows, At: time.Now()}, nil
	}
	if e.Subject.Identity == "" || in.Word != "swordfish" {
		return countersign.Proof{}, countersign.NoMatch("another word")
	}
	return countersign.Proof{Identity: e.Subject.Identity, Method: "word", Factor: countersign.Knows, At: time.Now()}, nil
}

// Files are its form and what it says, in each language of the pages.
func (word) Files() fs.FS {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	said := "[word]\ntitle = \"Word\"\noffer = \"Say the word\"\nask = \"Say the word\"\nword = \"The word\"\n" +
		"[word.error]\nno_match = \"That is not the word.\"\nrequired = \"Say it.\"\ninvalid = \"Say it.\"\n"
	return fstest.MapFS{
		"form.html": text(`{{template "field" (.Field "word" "code" "word.word")}}`), "en.toml": text(said), "de.toml": text(said),
	}
}

// learned is a server that has learned the new method, and a browser.
type learned struct {
	*testing.T
	*http.Client
	url string
}

// newLearned does what the one line in methods does: the map of methods has
// one more, and the policy of a sign-in offers it.
func newLearned(t *testing.T) learned {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	home := "http://localhost:" + front.Listener.Addr().String()[strings.LastIndex(front.Listener.Addr().String(), ":")+1:]
	c, err := config.Load(config.Source{DataDir: t.TempDir(), Set: []string{
		"server.public_url=" + home, "operations.listen=", "password.hash.memory_kib=8192", "password.hash.time=1"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	methods, err := s.methods()
	if err != nil {
		t.Fatal(err)
	}
	m := word{}
	methods[m.Name()] = m
	if err := s.readWords(fragments(methods)); err != nil {
		t.Fatal(err)
	}
	s.process(methods)
	s.Login.Policies[countersign.SignIn] = countersign.Policy{Factors: 1, Offer: []string{m.Name()}}
	if front.Config.Handler, err = s.doors(methods); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Admin.Add(t.Context(), countersign.Caller{System: "test"}, admin.New{Email: "ada@example.com"}); err != nil {
		t.Fatal(err)
	}
	front.Start()
	t.Cleanup(front.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return learned{t, &http.Client{Jar: jar}, home}
}

func (l learned) send(path, kind, body string) (int, string, string) {
	l.Helper()
	r, err := http.NewRequestWithContext(l.Context(), http.MethodPost, l.url+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", l.url)
	return l.read(l.Do(r))
}

func (l learned) read(res *http.Response, err error) (status int, path, body string) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	return res.StatusCode, res.Request.URL.Path, string(all)
}

func TestANewMethodNeedsNothingButItselfOverJSON(t *testing.T) {
	l := newLearned(t)
	start := func(evidence string) (int, string) {
		status, _, body := l.send("/v1/attempts", "application/json",
			`{"purpose":"sign_in","identifier":"ada@example.com","issue":"session_token","evidence":`+evidence+`}`)
		return status, body
	}
	for evidence, want := range map[string]int{
		`{"method":"word","word":"impostor"}`: 401, `{"method":"word","word":"nobody"}`: 401,
		`{"method":"word","word":"herring"}`: 401, `{"method":"word"}`: 401, `{"method":"word","word":1}`: 400, `{"method":"password","password":"swordfish"}`: 400,
	} {
		if status, body := start(evidence); status != want || strings.Contains(body, "cs_ses_") {
			t.Errorf("%s: %d %s", evidence, status, body)
		}
	}
	status, body := start(`{"method":"word","word":"swordfish"}`)
	if status != 200 || !strings.Contains(body, "cs_ses_") || !strings.Contains(body, `"methods":["word"]`) {
		t.Errorf("the right word: %d %s", status, body)
	}
}

func TestANewMethodNeedsNothingButItselfOnThePages(t *testing.T) {
	l := newLearned(t)
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	const kind = "application/x-www-form-urlencoded"
	status, path, body := l.send("/sign-in", kind, form("identifier", "ada@example.com"))
	if status != 200 || !strings.Contains(body, `name="word"`) || !strings.Contains(body, "Say the word") {
		t.Fatalf("who it is: %d %s\n%s", status, path, body)
	}
	if status, _, body = l.send("/sign-in", kind, form("do", "answer", "method", "word", "word", "herring")); !strings.Contains(body, "That is not the word.") {
		t.Errorf("a wrong word: %d\n%s", status, body)
	}
	if status, path, body = l.send("/sign-in", kind, form("do", "answer", "method", "word", "word", "swordfish")); status != 200 || path != "/account" {
		t.Errorf("the right word: %d %s\n%s", status, path, body)
	}
}
