package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/countersign-id/countersign"
)

// routes adds every page by its path alone; serve looks at the method, so that
// a wrong one gets a page too.
func (s *site) routes(mux *http.ServeMux) {
	on := func(path string, get, post handler) { mux.Handle(path, s.serve(get, post)) }

	on("/sign-in", signIn.show, signIn.take)
	if s.SignUpClosed {
		on("/sign-up", closed, nil)
	} else {
		on("/sign-up", signUp.show, signUp.take)
	}
	on("/recover", recovery.show, recovery.take)
	on("/verify", showLink("verify"), followLink("verify"))
	on("/magic-link", showLink("magic-link"), followLink("magic-link"))
	if s.Resets != nil {
		on("/factor-reset", showReset, cancelReset)
	}
	on("/step-up", s.stepUp, s.stepUp)
	on("/sign-out", showSignOut, signOut)
	on("/setup", s.showSetup, s.doSetup)

	acts := s.actions()
	on("/account", tabs(""), nil)
	for path, act := range acts {
		name := path[len("/account/"):]
		on(path, tabs(name), change(name, act))
	}
	on("/account/activity", tabs("activity"), nil)
	on("/account/security", showSecurity, nil)
	on("/account/later", nil, putNudgeOff)
	on("/account/{collection}/add", showAdd, changeNested)
	on("/account/{collection}/{id}", showItem, changeNested)

	on("/view", nil, setView)
	if s.Inbox != nil {
		on("/dev/inbox", s.showInbox, nil)
	}
	if s.Strength != nil {
		on("/strength", nil, s.strength)
	}
	on("/assets/{file}", s.asset, nil)
	s.wellKnown(on)
	on("/{$}", home, nil)
	on("/", nothing, nothing)
}

// home is no page of its own.
func home(v *visit) error {
	if v.signedIn() {
		return v.see("/account")
	}
	return v.see("/sign-in")
}

func nothing(*visit) error { return countersign.ErrNotFound }

// closed says that accounts are made by an administrator here.
func closed(v *visit) error {
	p := v.page("sign-up", "sign_up.closed_title")
	p.Lead = v.T("sign_up.closed_lead")
	v.site.render(v, http.StatusForbidden, "message", p)
	return nil
}

// showSignOut asks before it signs out, since following a link must change
// nothing; afterwards it says so and leads on.
func showSignOut(v *visit) error {
	p := v.page("sign-out", "sign_out.title")
	p.Lead = v.T("sign_out.lead")
	if !v.signedIn() {
		p.Heading, p.Lead = v.T("sign_out.done_title"), v.T("sign_out.done_lead")
		if v.r.URL.Query().Get("done") == "deleted" {
			p.Heading, p.Lead = v.T("sign_out.deleted_title"), v.T("sign_out.deleted_lead")
		}
	}
	v.site.render(v, http.StatusOK, "sign-out", p)
	return nil
}

// signOut ends the session on the server first: a cookie that was copied is worth nothing afterwards.
func signOut(v *visit) error {
	if v.signedIn() {
		err := v.site.Devices.SignOut(v.r.Context(), v.by)
		if err != nil && !errors.Is(err, countersign.ErrUnauthenticated) && !errors.Is(err, countersign.ErrNotFound) {
			return err
		}
	}
	v.leave()
	return v.see("/sign-out?done=1")
}

// viewLife is how long a choice of colours or language is remembered.
const viewLife = 365 * 24 * time.Hour

// choices are what a person can choose of how pages look, and what is remembered.
var choices = map[string]func(string) bool{
	"theme":  func(v string) bool { return v == "light" || v == "dark" },
	"locale": func(v string) bool { return len(v) <= 16 },
}

// choice reads a remembered choice; it grants nothing, so it is not signed.
func choice(r *http.Request, name string) string {
	c, err := r.Cookie("countersign-" + name)
	if err != nil || !choices[name](c.Value) {
		return ""
	}
	return c.Value
}

// setView remembers a choice and leads back. An empty one forgets it.
func setView(v *visit) error {
	for name, valid := range choices {
		value, sent := v.form[name]
		if !sent || !valid(value[0]) && value[0] != "" {
			continue
		}
		v.recall("countersign-"+name, value[0], viewLife)
	}
	return v.see(v.safe(v.form.Get("back"), "/"))
}
