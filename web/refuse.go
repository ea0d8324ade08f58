package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

// refusal is a page about what went wrong. It always names where to go.
type refusal struct {
	*page
	Status  int
	Request string // the request id, for those who ask for help
	Fields  []countersign.FieldError
}

// told are the codes that a page has words of its own for.
var told = []string{"invalid_request", "forbidden", "rate_limited", "attempt_expired", "not_found", "conflict", "overloaded",
	"too_large", "unsupported_media_type", "method_not_allowed", "misdirected_request", "cross_origin", "invalid_credentials"}

// refuseAnyone shows an error to whoever it is: the door's own refusals come
// before anyone has been recognised.
func (s *site) refuseAnyone(w http.ResponseWriter, r *http.Request, err error) {
	s.visit(w, r).fail(err)
}

// fail shows an error as a page.
func (v *visit) fail(err error) {
	if errors.Is(err, countersign.ErrUnauthenticated) && v.r.Method == http.MethodGet {
		v.see("/sign-in?" + url.Values{"return_to": {v.r.URL.Path}}.Encode())
		return
	}
	f := v.site.Door.Explain(v.r, err)
	f.Headers(v.w.Header())
	code := f.Code
	if err == error(door.ErrCrossOrigin) { //nolint:errorlint // it has the code of any other forbidden thing
		code = "cross_origin"
	}
	if code == countersign.ErrUnauthenticated.Code {
		f.Status = http.StatusForbidden // 401 would have to offer a scheme of HTTP's own (RFC 9110 section 15.5.2)
		code = "forbidden"
	}
	if !slices.Contains(told, code) {
		code = "internal_error"
	}
	p := &refusal{page: v.page("error", "refused."+code+".title"), Status: f.Status, Request: f.Request}
	p.Lead = v.T("refused." + code + ".lead")
	if f.RetryAfter > 0 && code == "rate_limited" {
		p.Lead = v.T("error.rate_limited", "when", v.Printer.Time(v.now.Add(f.RetryAfter), v.now).Ago)
	}
	v.w.Header().Del("Location")
	v.site.renderRefusal(v, p)
}

// renderRefusal falls back to plain text: an error in this template must not
// ask for this template again.
func (s *site) renderRefusal(v *visit, p *refusal) {
	if text, err := s.inner("refusal", p); err == nil {
		h := v.w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		v.w.WriteHeader(p.Status)
		if v.r.Method != http.MethodHead {
			v.w.Write([]byte(text))
		}
		return
	}
	http.Error(v.w, p.Heading, p.Status)
}

// again says when a refused caller may come back.
func (p *page) again(e *countersign.Error) string {
	return p.Printer.Time(p.now.Add(max(e.RetryAfter, time.Minute)), p.now).Ago
}

// wait says it to programs (RFC 9110 section 10.2.3).
func (p *page) wait(e *countersign.Error) {
	if e.RetryAfter > 0 {
		p.w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
}
