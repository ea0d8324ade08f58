package web

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

// offers are the methods of an attempt that a page exists for. A new account may
// begin with any of those that it is offered, whenever it is asked for one.
func (v *visit) offers(r login.Result, method string) (shown []login.Offer) {
	for _, o := range r.Methods {
		if v.site.brings(o.Method, partOf(o)) {
			shown = append(shown, o)
		}
	}
	if r.Purpose != countersign.SignUp || !slices.Contains(v.site.Begin, method) || len(shown) > 0 && shown[0].Enroll {
		return shown
	}
	shown = nil // which of them it is to be, and nothing else, is the question of this page
	for _, m := range v.site.names(v.site.Begin, "enroll") {
		shown = append(shown, login.Offer{Method: m, Enroll: true})
	}
	return shown
}

// best is the method that a person is led to: the one they used last time, or
// the first. Whoever has typed a name did not take what needs none, so at the first step
// that comes after the others.
func (v *visit) best(r login.Result) string {
	shown := v.offers(r, "")
	used := v.usedNow(r)
	for _, o := range shown {
		if !o.Enroll && slices.Contains(used, o.Method) {
			return o.Method
		}
	}
	for _, o := range shown {
		if o.Enroll || o.Method != v.site.Nameless || r.Assurance.Reached > countersign.AAL0 || r.Purpose == countersign.StepUp {
			return o.Method
		}
	}
	if len(shown) == 0 {
		return "none"
	}
	return shown[0].Method
}

// answerPage asks for one method's evidence. A method that is not offered, or
// that no form exists for, gives way to the first one that is.
func (f *flow) answerPage(v *visit, r login.Result, method string) *flowPage {
	if len(v.offers(r, method)) == 0 {
		p := f.firstPage(v, r.Identifier)
		p.problems = append(p.problems, problem{Text: v.T("error.no_method")})
		return p
	}
	p := v.asking(f.name, f.key("finish"), r, method)
	if second := r.Assurance.Reached > countersign.AAL0; second && !p.Enroll {
		p.Lost = r.Lost && v.site.brings(v.site.Reset, "enroll")
		if k, ok := v.site.Factors.Collections()[v.site.Remember]; ok && f == signIn && len(v.site.fragments[p.Main.Method]["form"]) > 0 {
			p.Remember = v.T(k.Name() + ".remember")
		}
	}
	p.Begun = r.Identifier == "" && r.Assurance.Reached == countersign.AAL0
	return p.done("sent")
}

func (p *flowPage) done(keys ...string) *flowPage {
	p.page.done(keys...)
	return p
}

// asking is the page of one method of an attempt; at least one must be offered.
func (v *visit) asking(name, finish string, r login.Result, method string) *flowPage {
	shown := v.offers(r, method)
	at := max(0, slices.IndexFunc(shown, func(o login.Offer) bool { return o.Method == method }))
	o := shown[at]
	p := &flowPage{page: v.page(name, o.Method+"."+headingOf(o)), Enroll: o.Enroll, Who: r.Identifier, Finish: v.T(finish)}
	p.Fresh = true
	p.Main = p.Form(name)
	p.Main.Method, p.Main.values = o.Method, map[string]string{"identifier": r.Identifier, "return_to": r.ReturnTo}
	p.Main.Offer = offer{Method: o.Method, To: reveal(r.Identifier, o.To), Sent: o.Sent, Enroll: o.Enroll}
	part := partOf(o)
	p.Passkeys = o.Method == v.site.Nameless
	switch {
	case o.Enroll:
		if p.Finish = v.T("enroll.finish"); r.Purpose == countersign.SignIn {
			p.Lead = v.T("enroll.lead")
		}
	case o.To != "" && !o.Sent:
		p.Unsent = true
		p.Lead = v.T(o.Method+".about", v.site.facts...)
		p.Finish = v.T(o.Method+".offer", "to", p.Main.Offer.To)
	case o.To != "":
		p.Send = o.Method
		p.Lead = v.T(o.Method+".sent", append([]any{"to", p.Main.Offer.To}, v.site.facts...)...)
		if len(v.site.fragments[o.Method][part]) == 0 {
			p.Finish = "" // it is answered elsewhere, by what was sent
		}
	case len(v.site.fragments[o.Method][part]) == 0:
		p.Finish = v.T(o.Method + ".use")
	}
	used := v.usedNow(r)
	for i, other := range shown {
		if i != at {
			p.Others = append(p.Others, offer{Method: other.Method, To: reveal(r.Identifier, other.To), Sent: other.Sent, Enroll: other.Enroll,
				Used: !other.Enroll && slices.Contains(used, other.Method)})
		}
	}
	p.show(r.ID, o, part)
	return p
}

// headingOf is the word over a method's page.
func headingOf(o login.Offer) string {
	switch {
	case o.Enroll:
		return "choose"
	case o.To != "" && !o.Sent:
		return "title"
	}
	return "ask"
}

// show has the method say what its form speaks of: what to sign, or a secret to
// copy. What is being set up stays the same from one try to the next.
func (p *flowPage) show(id countersign.AttemptID, o login.Offer, part string) {
	if !p.site.shown[o.Method+"/"+part] {
		return
	}
	if p.Main.Shown = shownOf([]byte(p.form.Get("shown"))); o.Enroll && p.Main.Shown != nil {
		return
	}
	asked, err := p.site.Attempts.Ask(p.r.Context(), p.by, id, o.Method)
	if err != nil {
		if _, ok := p.explain(err, "", ""); !ok {
			p.problems = append(p.problems, problem{Text: p.T("error.conflict")})
		}
		return
	}
	p.Main.Shown = shownOf(asked.Challenge)
}

// reveal shows an address in full to the one who typed it.
func reveal(typed, masked string) string {
	if masked != "" && strings.Contains(typed, "@") {
		return typed
	}
	return masked
}

func partOf(o login.Offer) string {
	if o.Enroll {
		return "enroll"
	}
	return "form"
}

// partIn is what the attempt wants of a method now.
func (v *visit) partIn(r login.Result, method string) string {
	for _, o := range v.offers(r, method) {
		if o.Method == method {
			return partOf(o)
		}
	}
	return "form"
}

// answer gives one method's evidence to the open attempt.
func (f *flow) answer(v *visit) error {
	r, open, err := v.attempt(f.purpose)
	if err != nil {
		return err
	}
	method := v.form.Get("method")
	if !open {
		if v.form.Get("identifier") != "" && f == signIn {
			return f.start(v) // it took too long, but everything is here
		}
		return v.see(f.path + "?method=" + url.QueryEscape(method))
	}
	part := v.partIn(r, method)
	after, err := v.site.Attempts.Answer(v.r.Context(), v.by, r.ID, v.evidence(method, part))
	if err == nil {
		if after.State == countersign.Complete && v.form.Get("remember") == "yes" {
			v.remember(after)
		}
		return f.advance(v, after)
	}
	if errors.Is(err, countersign.ErrExpired) || errors.Is(err, countersign.ErrNotFound) {
		return v.see(f.path + "?method=" + url.QueryEscape(method))
	}
	v.site.Door.SetAttempt(v.w, r.ID, r.ExpiresAt)
	p := f.answerPage(v, r, method)
	status, ok := p.explain(err, method, part)
	if !ok {
		return err
	}
	return p.answer(status)
}

// remember has this browser asked for no second proof for a while. The sign-in is
// done; if this fails, the person is only asked again.
func (v *visit) remember(r login.Result) {
	if v.site.Remember == "" || r.Session == nil {
		return
	}
	by := v.by
	by.Identity.ID, by.Session = r.Proved, *r.Session
	// It is listed by what its owner would call it.
	made, err := v.site.Keepers.Add(v.r.Context(), by, v.site.Remember, encode(map[string]string{"name": by.Device.Name}))
	if token, ok := shownOf(made)["token"].(string); err == nil && ok {
		v.site.Door.SetRemembered(v.w, token, v.site.RememberFor)
	}
}

// send has a code sent, or sent again.
func (f *flow) send(v *visit) error {
	method := v.form.Get("method")
	r, open, err := v.attempt(f.purpose)
	if err != nil {
		return err
	}
	to := f.path + "?" + url.Values{"method": {method}}.Encode()
	if !open {
		return v.see(to)
	}
	again, err := v.dispatch(r, method)
	if err == nil && again {
		return v.see(to + "&done=sent")
	}
	if err == nil {
		return v.see(to)
	}
	p := f.answerPage(v, r, method)
	status, ok := p.explain(err, "", "")
	if !ok {
		return err
	}
	return p.answer(status)
}

// dispatch sends what a method sends, and reports whether that was once more.
func (v *visit) dispatch(r login.Result, method string) (again bool, err error) {
	again = slices.ContainsFunc(r.Methods, func(o login.Offer) bool { return o.Method == method && o.Sent })
	asked, err := v.site.Attempts.Ask(v.r.Context(), v.by, r.ID, method)
	if err == nil && asked.Challenge == nil {
		// The first request only fetches what went out when the attempt began.
		// The reader has that already and wants a new one.
		_, err = v.site.Attempts.Ask(v.r.Context(), v.by, r.ID, method)
	}
	return again, err
}

// advance goes on from where an attempt stands.
func (f *flow) advance(v *visit, r login.Result) error {
	f = flowOf(r.Purpose)
	switch r.State {
	case countersign.Complete:
		v.enter(r.Secret, r.Session, r.Proved)
		if r.Secret == "" && !v.signedIn() {
			return v.see("/sign-in?done=verified")
		}
		if f == signIn && r.Session != nil {
			v.use(r.Session.Methods)
		}
		return v.see(v.safe(r.ReturnTo, f.done))
	case countersign.NeedsEvidence:
		if len(r.Methods) == 0 {
			return v.see(f.path + "?method=none")
		}
		v.site.Door.SetAttempt(v.w, r.ID, r.ExpiresAt)
		return v.see(f.path + "?" + url.Values{"method": {v.best(r)}}.Encode())
	}
	v.site.Door.ClearAttempt(v.w)
	return v.see(f.path + "?method=none")
}
