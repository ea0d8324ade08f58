package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/countersign-id/countersign/account"
)

// nudge offers what would make the next sign-in easier to somebody who has just
// signed in without it.
type nudge struct {
	Method string
	Add    string // where it is set up
	Now    bool   // so soon after the sign-in that the browser may set it up by itself
}

// put off is remembered in a cookie alone: it is about this browser, where the
// offer would come again, and grants nothing.
const (
	nudgeCookie = "countersign-offer"
	nudgeLater  = 14 * 24 * time.Hour
	nudgeNever  = 400 * 24 * time.Hour // the longest that browsers keep a cookie
	nudgeNow    = 2 * time.Minute
)

// nudge fills in the offer, at most every two weeks.
func (p *accountPage) nudge(s account.Security) {
	name := p.site.Nameless
	if _, err := p.r.Cookie(p.ours(nudgeCookie)); err == nil || name == "" || slices.Contains(p.by.Session.Methods, name) {
		return
	}
	for _, k := range s.Kept {
		if k.Method != name || len(k.Items) > 0 {
			continue
		}
		if _, ok := p.site.addable(k.Path); ok {
			p.Nudge = &nudge{Method: name, Add: "/account/" + k.Path + "/add", Now: p.now.Sub(p.by.Session.AuthenticatedAt) < nudgeNow}
			p.Passkeys = true
		}
	}
}

// putNudgeOff takes the offer away for two weeks, or for good.
func putNudgeOff(v *visit) error {
	life := nudgeLater
	if v.form.Get("do") == "never" {
		life = nudgeNever
	}
	v.recall(nudgeCookie, "later", life)
	if v.r.Header.Get("Sec-Fetch-Mode") == "cors" { // the script of the page, which stays where it is
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return v.see("/account")
}
