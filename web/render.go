package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// policy allows what our pages load and nothing else: no inline style, no
// inline script, no frame, no other host. The door adds the other headers.
// connect-src is for one question: how strong a password is.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// parts are the files a method may bring: to prove with it, to set it up, to change it.
var parts = []string{"form", "enroll", "change"}

// fragment is what a method brings: for each part that it has, the fields that
// the part declares, in order, which may be none.
type fragment map[string][]string

// shows finds out whether a part speaks of what the method showed when it was
// asked. Only then is it asked before the page is shown.
var shows = regexp.MustCompile(`\.Shown|\.Drawing`)

// declared finds the fields of a fragment: each is made by the call
// {{.Field "name" "kind" …}}, and only those are read back from the form.
var declared = regexp.MustCompile(`\.Field "([a-z_]+)"`)

// parse reads the templates and the methods' fragments, once.
func (s *site) parse() error {
	root, err := template.New("").ParseFS(templates, "templates/*.html")
	if err != nil {
		return err
	}
	s.fragments, s.shown = map[string]fragment{}, map[string]bool{}
	for method, files := range s.Methods {
		f := fragment{}
		for _, part := range parts {
			text, err := fs.ReadFile(files, part+".html")
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %s: %w", method, part, err)
			}
			if _, err := root.New(method + "/" + part).Parse(string(text)); err != nil {
				return fmt.Errorf("%s: %s: %w", method, part, err)
			}
			f[part] = []string{}
			s.shown[method+"/"+part] = shows.Match(text)
			for _, m := range declared.FindAllSubmatch(text, -1) {
				f[part] = append(f[part], string(m[1]))
			}
		}
		s.fragments[method] = f
	}
	s.templates = root
	return nil
}

// names lists the methods whose fragments have the part, in the order given.
func (s *site) names(methods []string, part string) []string {
	return slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return !s.brings(m, part) })
}

// brings reports whether a method has the part.
func (s *site) brings(method, part string) bool { return s.fragments[method][part] != nil }

// render writes a page. It is made whole before the first byte is sent, so that
// a mistake in a template is a clean 500.
func (s *site) render(v *visit, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, data); err != nil {
		v.fail(fmt.Errorf("web: render %s: %w", name, err))
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Language", v.Tag())
	h.Set("Cache-Control", "no-store")
	if !v.secret {
		// no-referrer makes older browsers send "Origin: null" with our own
		// forms, which looks like another site's; it is kept where the address
		// of the page holds a secret.
		h.Set("Referrer-Policy", "same-origin")
	}
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		v.w.Write(b.Bytes())
	}
}

// inner executes a fragment into the page that asks for it.
func (s *site) inner(name string, data any) (template.HTML, error) {
	var b strings.Builder
	if err := s.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil // the template has escaped it
}
