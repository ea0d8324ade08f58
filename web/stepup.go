package web

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

// kept prefixes the fields of a form that waits for a proof.
const kept = "then."

// stepPage asks who is signed in to prove it once more. Kept are the fields of
// the form that waits, which is done once the proof is given.
type stepPage struct {
	*page
	Main *form
	Then string // the path of the form that waits, or of the page to go back to
	Kept []option
	Who  string
}

// stepUp answers GET and the form that was put off.
func (s *site) stepUp(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	if v.form.Get("do") == "prove" {
		return s.prove(v)
	}
	return s.stepPage(v, first(s.names(s.Prove, "form"))).show(200)
}

func (p *stepPage) show(status int) error {
	p.site.render(p.visit, status, "step-up", p)
	return nil
}

func (s *site) stepPage(v *visit, method string) *stepPage {
	p := &stepPage{page: v.page("step-up", "step_up.title"), Who: v.by.Identity.Primary()}
	p.Lead, p.Fresh = v.T("step_up.lead"), true
	p.Main = p.Form("step-up")
	p.Main.Method, p.Main.values = method, map[string]string{"identifier": p.Who}
	p.Then = v.r.URL.Query().Get("then")
	prefix := ""
	if v.form.Get("do") == "prove" {
		p.Then, prefix = v.form.Get("then"), kept
	}
	if s.actions()[p.Then] == nil {
		p.Then = "/account"
		return p
	}
	for name, values := range v.form {
		// A password is never sent back to a browser, whoever sent it here.
		if field, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(field, "password") {
			p.Kept = append(p.Kept, option{Label: kept + field, Value: values[0]})
		}
	}
	slices.SortFunc(p.Kept, func(a, b option) int { return strings.Compare(a.Label, b.Label) })
	return p
}

// prove takes the proof, then does what waited for it.
func (s *site) prove(v *visit) error {
	method := v.form.Get("method")
	r, err := s.Attempts.Start(v.r.Context(), v.by, login.Start{Purpose: countersign.StepUp, Evidence: v.evidence(method, "form")})
	if err == nil && (r.State != countersign.Complete || r.Session == nil) {
		err = countersign.NoMatch("more is needed than this page asks for")
	}
	if err != nil {
		p := s.stepPage(v, first(s.names(append([]string{method}, s.Prove...), "form")))
		status, ok := p.explain(err, p.Main.Method, "form")
		if !ok {
			return err
		}
		return p.show(status)
	}
	v.enter(r.Secret, r.Session, v.by.Identity.ID)
	v.by.Session = *r.Session
	return s.resume(v)
}

// resume does what waited, in the name of the session that has just been proved.
func (s *site) resume(v *visit) error {
	then := v.form.Get("then")
	act := s.actions()[then]
	waiting := url.Values{}
	for name, values := range v.form {
		if field, ok := strings.CutPrefix(name, kept); ok {
			waiting[field] = values
		}
	}
	if act == nil || len(waiting) == 0 {
		return v.see(v.safe(then, "/account"))
	}
	v.form = waiting
	to, err := act(v)
	if errors.Is(err, countersign.ErrStepUp) {
		return v.see(then) // the proof is there; whoever still refuses it would do so for ever
	}
	if err != nil {
		return v.mistake(strings.TrimPrefix(then, "/account/"), err)
	}
	return v.see(to)
}
