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

// stepPage asks who is signed in to prove it once more, by any way they have. Kept
// are the fields of the form that waits, which is done once the proof is given. They
// travel with every form of the page and are stored nowhere.
type stepPage struct {
	*flowPage
	Then string // the path of the form that waits, or of the page to go back to
	Kept []option
}

// stepUp answers GET and the form that was put off.
func (s *site) stepUp(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	r, err := v.stepAttempt()
	if err != nil {
		return err
	}
	if v.form.Get("do") == "prove" {
		return s.prove(v, r)
	}
	return s.stepPage(v, r, "").answer(200)
}

// stepAttempt is the attempt of this page: the one that this browser has begun, or a new one.
func (v *visit) stepAttempt() (login.Result, error) {
	r, open, err := v.attempt(countersign.StepUp)
	if err != nil || open {
		return r, err
	}
	r, err = v.site.Attempts.Start(v.r.Context(), v.by, login.Start{Purpose: countersign.StepUp})
	if err == nil {
		v.site.Door.SetAttempt(v.w, r.ID, r.ExpiresAt)
	}
	return r, err
}

func (p *stepPage) answer(status int) error {
	p.site.render(p.visit, status, "step-up", p)
	return nil
}

// stepPage shows one of the ways; the others are buttons of the same form.
func (s *site) stepPage(v *visit, r login.Result, method string) *stepPage {
	p := &stepPage{}
	if method == "" {
		method = v.best(r)
	}
	if len(v.offers(r, method)) == 0 {
		p.flowPage = &flowPage{page: v.page("step-up", "step_up.title")}
		p.Main = p.Form("step-up")
		p.problems = append(p.problems, problem{Text: v.T("step_up.nothing")})
	} else {
		p.flowPage = v.asking("step-up", "step_up.submit", r, method)
		p.Heading = v.T("step_up.title")
		if !p.Unsent && p.Send == "" {
			p.Lead = v.T("step_up.lead")
		}
	}
	p.Who = v.by.Identity.Primary()
	if p.Main.values != nil {
		p.Main.values["identifier"] = p.Who
	}
	p.Then = v.r.URL.Query().Get("then")
	prefix := ""
	if v.form.Get("do") == "prove" {
		p.Then, prefix = v.form.Get("then"), kept
	}
	if s.action(p.Then) == nil {
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

// prove takes the proof, then does what waited for it. Two buttons of the form
// only change the way, or have a code sent.
func (s *site) prove(v *visit, r login.Result) error {
	method := v.form.Get("method")
	if use := v.form.Get("use"); use != "" {
		return s.stepPage(v, r, use).answer(200)
	}
	if to := v.form.Get("send"); to != "" {
		return s.stepSend(v, r, to)
	}
	after, err := v.site.Attempts.Answer(v.r.Context(), v.by, r.ID, v.evidence(method, v.partIn(r, method)))
	if err == nil && after.State == countersign.NeedsEvidence {
		return s.stepPage(v, after, "").answer(200)
	}
	if err == nil && (after.State != countersign.Complete || after.Session == nil) {
		err = countersign.NoMatch("more is needed than this page asks for")
	}
	if err != nil {
		p := s.stepPage(v, r, method)
		status, ok := p.explain(err, p.Main.Method, "form")
		if !ok {
			return err
		}
		return p.answer(status)
	}
	v.enter(after.Secret, after.Session, v.by.Identity.ID)
	v.by.Session = *after.Session
	return s.resume(v)
}

// Back is the page that was left: whose own form waits, or the one that leads to it.
func (p *stepPage) Back() string {
	if strings.Count(p.Then, "/") > 2 {
		return "/account/security"
	}
	return p.Then
}

// stepSend has a code sent and shows the page of that way.
func (s *site) stepSend(v *visit, r login.Result, method string) error {
	again, err := v.dispatch(r, method)
	if err == nil {
		r, err = v.site.Attempts.State(v.r.Context(), v.by, r.ID)
	}
	p := s.stepPage(v, r, method)
	status, ok := 200, true
	if err != nil {
		status, ok = p.explain(err, "", "")
	} else if again {
		p.Notice = v.T("done.sent")
	}
	if !ok {
		return err
	}
	return p.answer(status)
}

// resume does what waited, in the name of the session that has just been proved.
func (s *site) resume(v *visit) error {
	then := v.form.Get("then")
	act := s.action(then)
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
	switch {
	case errors.Is(err, countersign.ErrStepUp):
		return v.see(then) // the proof is there; whoever still refuses it would do so for ever
	case err != nil:
		return v.mistake(strings.TrimPrefix(then, "/account/"), err)
	case to == "":
		return nil // the action has answered by itself
	}
	return v.see(to)
}
