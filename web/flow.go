package web

import (
	"errors"
	"net/url"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
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
	asked := v.r.URL.Query()
	method := asked.Get("method")
	r, open, err := v.attempt(f.purpose)
	switch {
	case err != nil:
		return err
	case open && (asked.Get("lost") != "" || v.waiting(r, method)):
		return f.lost(v, r)
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
	// A form that a script filled in for an attempt of its own says which it is:
	// the cookie may hold another one, of another tab.
	if given := v.form.Get("attempt"); ids.Is("att", given) {
		id = countersign.AttemptID(given)
	}
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
	Main     *form
	Others   []offer // further methods
	With     []offer // what a new account may begin with instead
	Nameless *offer  // what signs in without a name
	Enroll   bool
	Unsent   bool   // the method has still to send its code
	Send     string // the method whose code can be sent again
	Finish   string // what the button says; "" when there is nothing to press
	Who      string // who it is about, as it was typed
	Remember string // what the box says that has this browser remembered; "" for no box
	Lost     bool   // the second step may be said to be lost
	Begun    bool   // by a method that asked for no name
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
	made := &flowPage{page: p, Main: main, Finish: v.T(f.key("submit"))}
	if f == signUp {
		begin := v.site.names(v.site.Begin, "enroll")
		main.Method = first(begin)
		for _, m := range begin[min(1, len(begin)):] {
			made.With = append(made.With, offer{Method: m, Enroll: true})
			p.Passkeys = p.Passkeys || m == v.site.Nameless
		}
	}
	if name := v.site.Nameless; f == signIn && v.site.brings(name, "form") {
		made.Nameless = &offer{Method: name, Used: first(v.used()) == name}
		p.Passkeys = true
	}
	return made
}

// Reaches reports whether a number will do where an address is asked for.
func (p *page) Reaches() bool { return p.site.Phones != nil }

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
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
	case "lost":
		return f.beginReset(v)
	}
	return f.start(v)
}

// start begins an attempt, with evidence when the form brought some.
func (f *flow) start(v *visit) error {
	in := login.Start{Purpose: f.purpose, Identifier: v.form.Get("identifier"), ReturnTo: v.returnTo()}
	method, part := f.brought(v)
	with := v.form.Get("with")
	if f == signUp && v.site.brings(with, "enroll") && slices.Contains(v.site.Begin, with) {
		method = "" // it has a page of its own, after this one
	} else {
		with = ""
	}
	if method != "" {
		in.Evidence = v.evidence(method, part)
	}
	if f == signUp {
		in.Traits = &login.Traits{Name: v.form.Get("name"), Locale: v.Tag()}
	}
	var r login.Result
	var err error
	if nameless := v.form.Get("method"); in.Identifier == "" && f == signIn && (nameless == "" || nameless != v.site.Nameless) {
		// The process would begin one without a name, but nobody has asked for that.
		err = countersign.Invalid("identifier", "invalid", "Give an address or a username.")
	} else {
		r, err = v.site.Attempts.Start(v.r.Context(), v.by, in)
	}
	if err == nil && with != "" && r.State == countersign.NeedsEvidence {
		v.site.Door.SetAttempt(v.w, r.ID, r.ExpiresAt)
		return v.see(f.path + "?" + url.Values{"method": {with}}.Encode())
	}
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
