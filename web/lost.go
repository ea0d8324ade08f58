package web

import (
	"net/url"
	"time"

	"github.com/countersign-id/countersign/login"
)

// lostPage is for who has lost the second step: what a reset takes, and, once it
// was begun, when it can be used.
type lostPage struct {
	*page
	Main  *form
	Path  string // of the flow that goes on without it
	Ready bool   // it has been begun
	from  time.Time
}

// lost shows it. Nothing is begun by looking.
func (f *flow) lost(v *visit, r login.Result) error {
	method := v.site.Reset
	waits, from := false, v.now.Add(v.site.ResetWait)
	for _, o := range r.Methods {
		if o.Method == method {
			waits = true
			if o.NotBefore != nil {
				from = *o.NotBefore
			}
		}
	}
	if v.site.Resets == nil || !v.site.brings(method, "enroll") || !r.Lost && !waits {
		return v.see(f.path + "?" + url.Values{"method": {v.best(r)}}.Encode())
	}
	p := &lostPage{page: v.page(f.name+"-lost", method+".choose"), Path: f.path, Ready: waits, from: from}
	p.Main = p.Form(p.Name)
	p.Main.Method = method
	if waits {
		p.Heading, p.Lead = v.T("lost.begun"), v.T(method+".added")
	}
	v.site.render(v, 200, "lost", p)
	return nil
}

// Reset is the method whose words the page uses.
func (p *lostPage) Reset() string { return p.site.Reset }

// At is when the reset can be used.
func (p *lostPage) At() string { return p.Printer.Time(p.from, p.now).Ago }

// waiting reports whether the method that was chosen is there but has to wait.
func (v *visit) waiting(r login.Result, method string) bool {
	for _, o := range r.Methods {
		if o.Method == method && o.NotBefore != nil && v.now.Before(*o.NotBefore) {
			return true
		}
	}
	return false
}

// beginReset begins the wait, for who has proved the first step.
func (f *flow) beginReset(v *visit) error {
	r, open, err := v.attempt(f.purpose)
	if err != nil {
		return err
	}
	if !open || v.site.Resets == nil {
		return v.see(f.path + "?method=none")
	}
	if _, err = v.site.Resets.BeginReset(v.r.Context(), v.by, r.ID); err == nil {
		return v.see(f.path + "?lost=begun")
	}
	p := f.answerPage(v, r, v.best(r))
	status, ok := p.explain(err, "", "")
	if !ok {
		return err
	}
	return p.answer(status)
}

// resetPage is opened by the letter about a reset: its button ends the reset.
type resetPage struct {
	*page
	Token string
}

// showReset explains; scanners that open links in mails end nothing.
func showReset(v *visit) error {
	v.secret = true
	p := &resetPage{page: v.page("factor-reset", "lost.stop_title"), Token: v.r.URL.Query().Get("token")}
	if p.Token == "" {
		return v.resetOver()
	}
	p.Lead = v.T("lost.stop_lead")
	v.site.render(v, 200, "factor-reset", p)
	return nil
}

// cancelReset ends it, and says what to do next: whoever asked for it knows the first step.
func cancelReset(v *visit) error {
	err := v.site.Resets.CancelReset(v.r.Context(), v.by, v.form.Get("token"))
	if gone(err) {
		return v.resetOver()
	}
	if err != nil {
		return err
	}
	p := &resetPage{page: v.page("factor-reset", "lost.stopped_title")}
	p.Lead = v.T("lost.stopped_lead")
	v.site.render(v, 200, "factor-reset", p)
	return nil
}

func (v *visit) resetOver() error {
	p := &resetPage{page: v.page("factor-reset", "lost.over_title")}
	p.Lead = v.T("lost.over_lead")
	v.site.render(v, 410, "factor-reset", p)
	return nil
}
