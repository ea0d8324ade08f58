package main

import (
	"errors"
	"html/template"
	"net/http"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

// page is the program's own page. The forms and links lead to pages of Countersign.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>My program</title>
<h1>My program</h1>
{{with .}}
<p>You are signed in as <strong>{{.Name}}</strong> ({{.Primary}}).</p>
<p><a href="/account">Your account</a></p>
<form method="post" action="/sign-out"><button>Sign out</button></form>
{{else}}
<p>Nobody is signed in.</p>
<p><a href="/sign-in?return_to=/">Sign in</a> or <a href="/sign-up?return_to=/">create an account</a></p>
{{end}}
`))

// site is the program that has sign-in: its own routes, and Countersign's.
type site struct {
	id     *server.Server
	cookie string // the name of the session cookie
}

func newSite(id *server.Server, c config.Config) *site {
	s := &site{id: id, cookie: "countersign"}
	if c.Server.PublicURL.URL().Scheme == "https" {
		s.cookie = "__Host-countersign" // browsers let no other site set a cookie of this name
	}
	return s
}

// handler gives "/" to the program and everything else to Countersign. The
// pattern with {$} is the more specific one, so the order does not matter.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.id.Handler())
	mux.HandleFunc("GET /{$}", s.home)
	return mux
}

// home says who is signed in.
func (s *site) home(w http.ResponseWriter, r *http.Request) {
	who, err := s.caller(r)
	if err != nil {
		// Not "nobody": the database did not answer, so nothing is known.
		http.Error(w, "Please come back in a moment.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := page.Execute(w, who); err != nil {
		panic(http.ErrAbortHandler) // the reader went away; half a page must not look whole
	}
}

// caller returns the identity behind a request, or nil for nobody. It is quick
// enough for every request: sessions in use are answered from memory.
func (s *site) caller(r *http.Request) (*countersign.Identity, error) {
	cookies := r.CookiesNamed(s.cookie)
	if len(cookies) != 1 {
		return nil, nil // two of one name are nobody's: which one the browser meant is not known
	}
	known, err := s.id.Sessions.Check(r.Context(), cookies[0].Value)
	if errors.Is(err, countersign.ErrUnauthenticated) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &known.Identity, nil
}
