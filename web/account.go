package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
)

// tab is one page of the account.
type tab struct {
	Name string // the last part of its path; "" for the overview
	Path string
	Icon string
	On   bool
	Word string
}

// accountPage is what the account's templates see.
type accountPage struct {
	*page
	Identity countersign.Identity
	Tabs     []tab
	Kept     string // the method of a page that changes one

	Sessions []countersign.Session
	Events   []line
	Next     string // the cursor of the next page of a list, "" at its end
	Health   []string
	Warnings []warning
	Adding   string // the address that has just been added
	Nudge    *nudge // what is offered after a sign-in; nil for nothing
}

// warning is something the owner should mend, and where.
type warning struct{ Text, Path, Link string }

// line is one event in the words of its reader.
type line struct {
	countersign.Event
	What string
	Bad  bool
}

// rows is how many entries a list shows at once.
const rows = 20

// account begins a page of the account, or sends a stranger to sign in.
func (v *visit) account(name string) *accountPage {
	p := &accountPage{page: v.page("account", "tab.overview"), Identity: v.by.Identity}
	p.Wide = true
	p.Tabs = []tab{{"", "/account", "house", false, v.T("tab.overview")}, {"profile", "/account/profile", "user", false, v.T("tab.profile")},
		{"emails", "/account/emails", "mail", false, v.T("tab.emails")}}
	// Where they live that have no tab of their own.
	under, heading := name, ""
	switch {
	case slices.Contains(v.site.names(v.site.Changes.Changeable(), "change"), name):
		under, heading = "security", v.T(name+".title")
	case name == "phones":
		under, heading = "security", v.T("phones.title")
	}
	p.Tabs = append(p.Tabs, tab{"security", "/account/security", "key-round", false, v.T("tab.security")}, tab{"sessions", "/account/sessions", "monitor-smartphone", false, v.T("tab.sessions")},
		tab{"activity", "/account/activity", "activity", false, v.T("tab.activity")},
		tab{"data", "/account/data", "shield", false, v.T("tab.data")})
	for i := range p.Tabs {
		if p.Tabs[i].Name == under {
			p.Tabs[i].On, p.Heading = true, cmp.Or(heading, p.Tabs[i].Word)
		}
	}
	if name != "" {
		p.Name, p.failing = "account-"+name, "account-"+name
	}
	return p
}

// tabs answers GET for one tab: its facts are read, then its template shown.
func tabs(name string) handler {
	return func(v *visit) error {
		if v.mustSignIn() {
			return nil
		}
		p := v.account(name)
		if err := p.read(name); err != nil {
			return err
		}
		p.done("welcome", "recovered", "saved", "added", "sent", "verified", "primary", "removed", "changed", "ended", "others", "proved", "phone_added", "phone_verified", "phone_removed")
		return p.show(name, 200)
	}
}

// show renders the tab; those that change a method share one template.
func (p *accountPage) show(name string, status int) error {
	template := "account-" + name
	if p.site.fragments[name]["change"] != nil {
		template, p.Kept = "account-change", name
	}
	p.site.render(p.visit, status, strings.TrimSuffix(template, "-"), p)
	return nil
}

// read fetches what the tab shows, fresh: the caller's own copy may be a second old.
func (p *accountPage) read(name string) (err error) {
	ctx, by, need := p.r.Context(), p.by, p.site
	if p.Identity, err = need.Profiles.Show(ctx, by); err != nil {
		return err
	}
	after := p.r.URL.Query().Get("after")
	switch name {
	case "":
		if p.Sessions, p.Next, err = need.Devices.Sessions(ctx, by, "", rows); err == nil {
			if err = p.health(); err != nil {
				return err
			}
			var events []countersign.Event
			if events, _, err = need.Changes.Activity(ctx, by, "", 5); err == nil {
				p.tell(events)
			}
		}
	case "sessions":
		p.Sessions, p.Next, err = need.Devices.Sessions(ctx, by, countersign.SessionID(after), rows)
	case "activity":
		var events []countersign.Event
		if events, p.Next, err = need.Changes.Activity(ctx, by, after, rows); err == nil {
			p.tell(events)
		}
	}
	return err
}

// health says in a line how the account stands, and what should be mended.
func (p *accountPage) health() error {
	s, err := p.site.Factors.Security(p.r.Context(), p.by)
	if err != nil {
		return err
	}
	p.ways(s)
	p.nudge(s)
	verified := 0
	for _, e := range p.Identity.Emails {
		if e.Verified {
			verified++
			continue
		}
		p.Warnings = append(p.Warnings, warning{p.T("health.unverified", "address", e.Address), "/account/emails", p.T("health.verify")})
	}
	devices := p.T("health.devices", "n", len(p.Sessions))
	if p.Next != "" {
		devices = p.T("health.many_devices", "n", len(p.Sessions))
	}
	p.Health = append(p.Health, devices)
	if verified == 1 && len(p.Identity.Emails) == 1 {
		p.Warnings = append(p.Warnings, warning{p.T("health.one_email"), "/account/emails", p.T("health.add_email")})
	}
	return nil
}

// events are the actions that a person has words for; others are shown by name.
var events = map[string]string{
	"session.opened": "session_opened", "session.ended": "session_ended", "session.signed_out": "session_signed_out",
	"session.others_ended": "sessions_ended", "session.revoked": "session_revoked",
	"proof.given": "proof_given", "proof.refused": "proof_refused", "attempt.started": "attempt_started", "attempt.refused": "attempt_refused",
	"challenge.sent": "challenge_sent", "challenge.claimed": "challenge_sent",
	"credential.prepared": "credential_prepared", "credential.changed": "credential_changed", "credential.replaced": "credential_replaced",
	"credential.set": "credential_set", "admin.granted": "admin_granted",
	"identity.created": "identity_created", "identity.updated": "identity_changed", "identity.deleted": "identity_deleted",
	"identity.exported": "identity_exported",
	"credential.added":  "credential_added", "credential.removed": "credential_removed", "credential.renamed": "credential_renamed",
	"factors.reset_started": "reset_started", "factors.reset_cancelled": "reset_cancelled", "factors.reset": "reset_done",
	"phone.added": "phone_added", "phone.verified": "phone_verified", "phone.removed": "phone_removed",
	"email.added": "email_added", "email.verified": "email_verified", "email.removed": "email_removed", "email.primary": "email_primary",
}

// tell puts events into words.
func (p *accountPage) tell(list []countersign.Event) {
	for _, e := range list {
		l := line{Event: e, What: e.Action, Bad: e.Outcome != "ok"}
		if key, ok := events[e.Action]; ok {
			l.What = p.T("event." + key)
		}
		p.Events = append(p.Events, l)
	}
}

// Current reports whether a session is the one that asks.
func (p *accountPage) Current(s countersign.Session) bool { return s.ID == p.by.Session.ID }

// SubForm begins one of several forms on a tab. Its id says which row it is of.
func (p *accountPage) SubForm(id, row string) *form {
	f := p.Form(id)
	if row != "" {
		f.ID += "-" + row
	}
	return f
}

// Profile begins the form of the profile, filled with what is known.
func (p *accountPage) Profile() *form {
	f := p.Form(p.Name)
	f.values = map[string]string{"name": p.Identity.Name, "locale": p.Identity.Locale}
	if p.Identity.Username != nil {
		f.values["username"] = *p.Identity.Username
	}
	return f
}

// Change begins the form that changes a method's credential.
func (p *accountPage) Change() *form {
	f := p.Form(p.Name)
	f.Method = p.Kept
	f.values = map[string]string{"identifier": p.Identity.Primary()}
	return f
}

// Address begins the form of one row of the addresses.
func (p *accountPage) Address(id string, e countersign.Email) *form {
	f := p.SubForm(id, rowOf(e.Address))
	f.values = map[string]string{"address": e.Address}
	f.Offer = offer{To: e.Address}
	return f
}

// rowOf makes an id of an address: letters and digits only, others by number.
func rowOf(address string) string {
	var b strings.Builder
	for _, c := range []byte(address) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			b.WriteString("_" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		}
	}
	return b.String()
}

// Locale lists the languages for the profile, with the one that is chosen.
func (p *accountPage) Locale() []option {
	list := p.Locales()
	printer := p.site.Words.Printer(p.Identity.Locale)
	for i := range list {
		list[i].On = list[i].Value == printer.Tag()
	}
	return list
}
