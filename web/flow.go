package web

import (
	"errors"
	"net/url"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

// flow is a way through an attempt: a first page that asks who, then one page
// for each method that is asked for. The attempt's id is in a cookie of its own
// and never in an address; which method is shown is in the address, so that
// "back" leads to the page before.
type flow struct {
	name    string // of its template, its forms and its words
	path    string
	purpose countersign.Purpose
	done    string // where it ends when nothing else was asked for
}

var (
	signIn   = &flow{"sign-in", "/sign-in", countersign.SignIn, "/account"}
	signUp   = &flow{"sign-up", "/sign-up", countersign.SignUp, "/account?done=welcome"}
	recovery = &flow{"recover", "/recover", countersign.Recover, "/account?done=recovered"}
	verify   = &flow{"verify", "/verify", countersign.VerifyOwn, "/account/emails?done=verified"}
)

// flowOf finds the flow of an attempt that a link or a process went on with.
func flowOf(p countersign.Purpose) *flow {
	for _, f := range []*flow{signIn, signUp, recovery, verify} {
		if f.purpose == p {
			return f
		}
	}
	return signIn
}

// key is a flow's name as the catalogue writes it.
func (f *flow) key(word string) string {
	return map[string]string{"sign-in": "sign_in.", "sign-up": "sign_up.", "recover": "recover.", "verify": "verify."}[f.name] + word
}

// show answers GET: the first page, or with ?method= the page of that method.
func (f *flow) show(v *visit) error {
	if v.signedIn() && (f == signIn || f == signUp) {
		return v.see(v.safe(v.returnTo(), "/account"))
	}
	method := v.r.URL.Query().Get("method")
	r, open, err := v.attempt(f.purpose)
	switch {
	case err != nil:
		return err
	case method != "" && open:
		return f.answerPage(v, r, method).answer(200)
	}
	p := f.firstPage(v, r.Identifier)
	if method != "" {
		// Either it took too long, or the browser keeps no cookies. Both are
		// told, since they look the same from here.
		p.problems = append(p.problems, problem{Text: v.T("error.lost")})
	}
	return p.first(f, 200)
}

// attempt finds the attempt that this browser is working on, if it is of the
// purpose and still open.
func (v *visit) attempt(purpose countersign.Purpose) (r login.Result, open bool, err error) {
	id := v.site.Door.Attempt(v.r)
	if id == "" {
		return r, false, nil
	}
	r, err = v.site.Attempts.State(v.r.Context(), v.by, id)
	if errors.Is(err, countersign.ErrNotFound) || errors.Is(err, countersign.ErrExpired) {
		return login.Result{}, false, nil
	}
	if err != nil || r.Purpose != purpose {
		return login.Result{}, false, err
	}
	return r, r.State == countersign.NeedsEvidence, nil
}

// flowPage is what the templates of a flow see.
type flowPage struct {
	*page
	Main   *form
	Others []offer // further methods
	Enroll bool
	Send   string // the method whose code can be sent again
	Finish string // what the button says
	Who    string // who it is about, as it was typed
}

// first shows the first page.
func (p *flowPage) first(f *flow, status int) error {
	p.site.render(p.visit, status, f.name, p)
	return nil
}

// answer shows a method's page.
func (p *flowPage) answer(status int) error {
	p.site.render(p.visit, status, "answer", p)
	return nil
}

// firstPage asks who it is about; a sign-up asks for its first credential too.
func (f *flow) firstPage(v *visit, identifier string) *flowPage {
	p := v.page(f.name, f.key("title")).done("verified", "recovered", "deleted")
	p.Fresh = true
	main := p.Form(f.name)
	main.values = map[string]string{"identifier": identifier}
	if f == signUp {
		main.Method = first(v.site.names(v.site.Begin, "enroll"))
	}
	return &flowPage{page: p, Main: main, Finish: v.T(f.key("submit"))}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// answerPage asks for one method's evidence. A method that is not offered, or
// that no form exists for, gives way to the first one that is.
func (f *flow) answerPage(v *visit, r login.Result, method string) *flowPage {
	shown := slices.DeleteFunc(slices.Clone(r.Methods), func(o login.Offer) bool { return len(v.site.fragments[o.Method][partOf(o)]) == 0 })
	at := max(0, slices.IndexFunc(shown, func(o login.Offer) bool { return o.Method == method }))
	if len(shown) == 0 {
		p := f.firstPage(v, r.Identifier)
		p.problems = append(p.problems, problem{Text: v.T("error.no_method")})
		return p
	}
	o := shown[at]
	p := &flowPage{page: v.page(f.name, o.Method+".ask"), Enroll: o.Enroll, Who: r.Identifier, Finish: v.T(f.key("finish"))}
	p.Fresh = true
	p.Main = p.Form(f.name)
	p.Main.Method, p.Main.values = o.Method, map[string]string{"identifier": r.Identifier, "return_to": r.ReturnTo}
	p.Main.Offer = offer{Method: o.Method, To: o.To, Enroll: o.Enroll}
	if o.Enroll {
		p.Heading, p.Finish = v.T(o.Method+".choose"), v.T("enroll.finish")
	}
	if o.To != "" {
		p.Send = o.Method
		p.Lead = v.T(o.Method+".sent", append([]any{"to", reveal(r.Identifier, o.To)}, v.site.facts...)...)
	}
	for i, other := range shown {
		if i != at {
			p.Others = append(p.Others, offer{Method: other.Method, To: other.To, Enroll: other.Enroll})
		}
	}
	p.done("sent")
	return p
}

// reveal shows an address in full to the one who typed it.
func reveal(typed, masked string) string {
	for _, c := range typed {
		if c == '@' {
			return typed
		}
	}
	return masked
}

func partOf(o login.Offer) string {
	if o.Enroll {
		return "enroll"
	}
	return "form"
}

// take answers POST. A form without "do" comes from a program or a password
// manager: with a name in it, it is a beginning.
func (f *flow) take(v *visit) error {
	do := v.form.Get("do")
	if do == "" && v.form.Get("identifier") == "" {
		do = "answer"
	}
	switch do {
	case "again":
		v.site.Door.ClearAttempt(v.w)
		return v.see(f.path + (&page{visit: v}).ReturnQuery())
	case "send":
		return f.send(v)
	case "answer":
		return f.answer(v)
	}
	return f.start(v)
}

// start begins an attempt, with evidence when the form brought some.
func (f *flow) start(v *visit) error {
	in := login.Start{Purpose: f.purpose, Identifier: v.form.Get("identifier"), ReturnTo: v.returnTo()}
	method, part := f.brought(v)
	if method != "" {
		in.Evidence = v.evidence(method, part)
	}
	if f == signUp {
		in.Traits = &login.Traits{Name: v.form.Get("name"), Locale: v.Tag()}
	}
	r, err := v.site.Attempts.Start(v.r.Context(), v.by, in)
	if err == nil {
		return f.advance(v, r)
	}
	// With a wrong password the name stays as it is; with a bad name the form for the name comes back.
	secret := method != "" && part == "form" && !concerns(err, "identifier")
	p := f.firstPage(v, in.Identifier)
	if secret {
		p = f.answerPage(v, login.Result{Identifier: in.Identifier, ReturnTo: in.ReturnTo, Methods: []login.Offer{{Method: method}}}, method)
	} else if part == "form" {
		method = ""
	}
	status, ok := p.explain(err, method, part)
	switch {
	case !ok:
		return err
	case secret:
		return p.answer(status)
	}
	return p.first(f, status)
}

// concerns reports whether an error is about a field.
func concerns(err error, field string) bool {
	var e *countersign.Error
	return errors.As(err, &e) && slices.ContainsFunc(e.Fields, func(f countersign.FieldError) bool { return f.Field == field })
}

// brought finds the method whose fields came with a name: the one the form
// says, or the only one that has a field of a name that was filled in.
func (f *flow) brought(v *visit) (method, part string) {
	part = "form"
	if f == signUp {
		part = "enroll"
	}
	for _, m := range append([]string{v.form.Get("method")}, append(slices.Clone(v.site.Begin), v.site.Prove...)...) {
		for _, name := range v.site.fragments[m][part] {
			if v.form.Get(name) != "" || f == signUp {
				return m, part
			}
		}
	}
	return "", part
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
	part := "form"
	for _, o := range r.Methods {
		if o.Method == method {
			part = partOf(o)
		}
	}
	after, err := v.site.Attempts.Answer(v.r.Context(), v.by, r.ID, v.evidence(method, part))
	if err == nil {
		return f.advance(v, after)
	}
	if errors.Is(err, countersign.ErrExpired) || errors.Is(err, countersign.ErrNotFound) {
		return v.see(f.path + "?method=" + url.QueryEscape(method))
	}
	p := f.answerPage(v, r, method)
	status, ok := p.explain(err, method, part)
	if !ok {
		return err
	}
	return p.answer(status)
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
	asked, err := v.site.Attempts.Ask(v.r.Context(), v.by, r.ID, method)
	if err == nil && asked.Challenge == nil {
		// The first request only fetches what went out when the attempt began.
		// The reader has that already and wants a new one.
		_, err = v.site.Attempts.Ask(v.r.Context(), v.by, r.ID, method)
	}
	if err == nil {
		return v.see(to + "&done=sent")
	}
	p := f.answerPage(v, r, method)
	status, ok := p.explain(err, "", "")
	if !ok {
		return err
	}
	return p.answer(status)
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
		return v.see(v.safe(r.ReturnTo, f.done))
	case countersign.NeedsEvidence:
		if len(r.Methods) == 0 {
			return v.see(f.path + "?method=none")
		}
		v.site.Door.SetAttempt(v.w, r.ID, r.ExpiresAt)
		return v.see(f.path + "?" + url.Values{"method": {r.Methods[0].Method}}.Encode())
	}
	v.site.Door.ClearAttempt(v.w)
	return v.see(f.path + "?method=none")
}
