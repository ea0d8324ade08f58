package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/internal/lang"
)

// visit is one request: who asks, in which language, and what they sent.
// Templates see it through the page that embeds it.
type visit struct {
	*lang.Printer
	site   *site
	w      http.ResponseWriter
	r      *http.Request
	by     countersign.Caller
	form   url.Values // what was posted; empty for GET
	secret bool       // the address of the page holds a secret
	now    time.Time
}

// handler answers one request; an error it returns becomes a page.
type handler func(*visit) error

// longestField bounds one posted value, in bytes. It leaves room to tell someone
// who pastes far too much which field is too long; the methods decide on less.
const longestField = 64 << 10

// serve makes an HTTP handler of one for GET and one for POST; either may be
// nil. Every other method is refused by name (RFC 9110 section 15.5.6).
func (s *site) serve(get, post handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		h, allow := get, "GET, HEAD"
		if post != nil && get != nil {
			allow += ", POST"
		} else if post != nil {
			allow = "POST"
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			h = post
		default:
			h = nil
		}
		if h == nil {
			w.Header().Set("Allow", allow)
			v.fail(door.ErrMethod)
			return
		}
		if err := v.open(); err != nil {
			v.fail(err)
			return
		}
		if err := h(v); err != nil {
			v.fail(err)
		}
	})
}

// visit begins with a stranger, in the language of their browser or their choice.
func (s *site) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{
		Printer: s.Words.Printer(choice(r, "locale"), r.Header.Get("Accept-Language")),
		site:    s, w: w, r: r, form: url.Values{}, now: s.Now(),
	}
}

// open recognises the caller and reads what was posted.
func (v *visit) open() error {
	by, err := v.site.Door.Caller(v.r)
	if err != nil {
		return err
	}
	if v.by = by; v.signedIn() && choice(v.r, "locale") == "" {
		v.Printer = v.site.Words.Printer(by.Identity.Locale, v.r.Header.Get("Accept-Language"))
	}
	v.by.Locale = v.Tag()
	if v.r.Method != http.MethodPost {
		return nil
	}
	if err := v.r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return countersign.Invalid("", "invalid", "The form could not be read.")
	}
	v.form = v.r.PostForm
	return sane(v.form)
}

// sane refuses what no form of ours sends: a field twice, NUL, broken UTF-8, or
// a value that is longer than anything we ask for.
func sane(form url.Values) error {
	for name, values := range form {
		if len(values) != 1 || len(values[0]) > longestField || len(name) > 64 {
			return countersign.Invalid("", "invalid", fmt.Sprintf("The form is not one of ours: %d values in one field.", len(values)))
		}
		if !utf8.ValidString(values[0]) || slices.Contains([]byte(values[0]), 0) || !utf8.ValidString(name) {
			return countersign.Invalid("", "invalid", "The form holds characters that are not text.")
		}
	}
	return nil
}

func (v *visit) signedIn() bool { return v.by.Session.ID != "" }

// see answers a form, or a page that moved, by sending the browser elsewhere.
func (v *visit) see(to string) error {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// safe returns where a person goes afterwards: where they came from, if that is
// allowed, or else.
func (v *visit) safe(to, otherwise string) string {
	if to, ok := door.SafeReturn(to, v.site.ReturnTo, v.site.PublicURL); ok {
		return to
	}
	return otherwise
}

// returnTo is the allowed way back that the form or the address names, or "".
func (v *visit) returnTo() string {
	if v.r.Method == http.MethodPost {
		return v.safe(v.form.Get("return_to"), "")
	}
	return v.safe(v.r.URL.Query().Get("return_to"), "")
}

// enter lets the browser carry what a completed attempt gave, and forget the attempt.
func (v *visit) enter(secret string, session *countersign.Session, who countersign.IdentityID) {
	d := v.site.Door
	d.ClearAttempt(v.w)
	if secret != "" && session != nil {
		d.SetSession(v.w, secret, session.ExpiresAt)
		d.SetDevice(v.w, who)
	}
}

// leave makes the browser forget who it was.
func (v *visit) leave() {
	v.site.Door.ClearSession(v.w)
	v.site.Door.ClearAttempt(v.w)
}

// mustSignIn sends strangers to sign in and back. It reports whether it did.
func (v *visit) mustSignIn() bool {
	if v.signedIn() {
		return false
	}
	v.see("/sign-in?" + url.Values{"return_to": {v.r.URL.Path}}.Encode())
	return true
}
