package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

// securityPage is the tab of the ways to sign in.
type securityPage struct {
	*accountPage
	Sets      []set
	First     []string // what opens a sign-in, second what completes it, spare what stands in: their names
	Second    []string
	Spare     []string
	Changing  []option // methods that are changed on a page of their own
	Signals   []string // what authenticators are told, as JSON
	Recovered string   // the address that recovery writes to
}

// set is what one method keeps for its owner.
type set struct {
	Method, Path, Title, About string
	Add                        string // what the button to add one says; "" when none can be added
	Waits                      bool   // it works only after a time, so that it can be stopped
	Each                       bool   // the use of each is noted
	Items                      []holding
}

// holding is one credential in the words of its reader.
type holding struct {
	account.Factor
	Label string
	Path  string
	Notes []string
}

// showSecurity answers the tab.
func showSecurity(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	p, err := v.security()
	if err != nil {
		return err
	}
	p.accountPage.done("changed", "renamed")
	for _, told := range []string{"added", "removed"} {
		if k, ok := v.site.Factors.Collections()[v.r.URL.Query().Get(told)]; ok {
			p.Notice = v.T(k.Name() + "." + told)
		}
	}
	v.site.render(v, 200, "account-security", p)
	return nil
}

// security reads the tab.
func (v *visit) security() (*securityPage, error) {
	p := &securityPage{accountPage: v.account("security")}
	if err := p.read("security"); err != nil {
		return nil, err
	}
	s, err := v.site.Factors.Security(v.r.Context(), v.by)
	if err != nil {
		return nil, err
	}
	p.Sets = v.sets(s)
	p.ways(s)
	p.Passkeys = v.site.Nameless != ""
	p.Signals = p.signals()
	for _, m := range v.site.names(v.site.Changes.Changeable(), "change") {
		if slices.Contains(s.First, m) {
			p.Changing = append(p.Changing, option{Value: "/account/" + m, Label: m})
		}
	}
	p.First, p.Second, p.Spare = v.titles(s.First), v.titles(s.Second), v.titles(s.Spare)
	p.Recovered = p.Identity.Reach("email")
	return p, nil
}

// titles are the names of methods as people know them.
func (v *visit) titles(methods []string) (all []string) {
	for _, m := range methods {
		if v.site.fragments[m] != nil {
			all = append(all, v.T(m+".title"))
		}
	}
	return all
}

// sets puts what is kept into words: what waits first, then what proves by itself,
// then what stands in for it.
func (v *visit) sets(s account.Security) (all []set) {
	kinds := v.site.Factors.Collections()
	for _, k := range s.Kept {
		m := kinds[k.Path]
		if m == nil || v.site.fragments[k.Method] == nil {
			continue
		}
		made := set{Method: k.Method, Path: k.Path, Title: v.T(k.Method + ".title"), About: v.T(k.Method+".about", v.site.facts...)}
		made.Waits, made.Each = k.Method == v.site.Reset, !m.Collection().Direct
		for _, f := range k.Items {
			made.Items = append(made.Items, v.item(k.Path, f))
		}
		if made.Add = v.adding(m, len(k.Items)); made.Add != "" || len(made.Items) > 0 {
			all = append(all, made)
		}
	}
	rank := func(s set) int {
		_, prepares := kinds[s.Path].(countersign.Preparer)
		switch {
		case s.Waits:
			return 0
		case !prepares || s.Add == "" && kinds[s.Path].Collection().Direct:
			return 3
		case kinds[s.Path].Collection().Direct:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b set) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// adding is what the button to add one more says, "" when its owner cannot: what
// has nothing to show, as a browser that is remembered, is added elsewhere.
func (v *visit) adding(m countersign.Keeper, have int) string {
	_, prepares := m.(countersign.Preparer)
	most := m.Collection().Most
	switch {
	case !prepares || !v.site.brings(m.Name(), "enroll") || most > 1 && have >= most:
		return ""
	case most == 1 && have > 0:
		return v.T("security.renew")
	case most == 1:
		return v.T("security.make")
	}
	return v.T(m.Name() + ".choose")
}

func (v *visit) item(path string, f account.Factor) holding {
	i := holding{Factor: f, Label: cmp.Or(f.Name, v.T(f.Method+".title")), Path: "/account/" + path + "/" + string(f.ID)}
	// What a method tells of one is put into words of its own, by what is told.
	told := func(word string, args ...any) { i.Notes = append(i.Notes, v.T(f.Method+"."+word, args...)) }
	if left, ok := f.Detail["left"].(int); ok {
		told("left", "n", left, "of", fmt.Sprint(f.Detail["of"]))
	}
	if at, until := v.day(f.Detail["ready_at"]), v.day(f.Detail["until"]); at != "" {
		told("waiting", "ready_at", at, "until", until)
	}
	if at := v.day(f.Detail["expires_at"]); at != "" {
		told("until", "date", at)
	}
	if from, ok := f.Detail["provider"].(string); ok && from != "" && from != f.Name {
		told("provider", "provider", from)
	}
	if synced, ok := f.Detail["synced"].(bool); ok {
		told(map[bool]string{true: "synced", false: "bound"}[synced])
	}
	return i
}

// day writes a time of a detail, which is RFC 3339, for its reader.
func (v *visit) day(at any) string {
	text, _ := at.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	return v.Printer.Time(t, v.now).Exact
}

// ways says how the account stands, and what its owner should mend: one thing that
// can be lost must not be all there is.
func (p *accountPage) ways(s account.Security) {
	p.Health = append(p.Health, p.T("health.ways", "n", len(s.First)))
	if len(s.Second) > 0 {
		p.Health = append(p.Health, p.T("health.second"))
	}
	kinds, kits, alone := p.site.Factors.Collections(), 0, ""
	for _, k := range s.Kept {
		if m := kinds[k.Path]; m != nil && m.Collection().Direct && len(k.Items) > 0 && p.site.brings(k.Method, "enroll") && k.Method != p.site.Reset {
			kits++
		}
		if len(k.Items) == 1 && slices.Equal(s.First, []string{k.Method}) {
			alone = k.Path
		}
		if k.Method == p.site.Reset && len(k.Items) > 0 {
			p.Warnings = append(p.Warnings, warning{p.T("health.reset"), "/account/security", p.T("health.reset_stop")})
		}
	}
	if kits > 0 {
		p.Health = append(p.Health, p.T("health.kits", "n", kits))
	}
	for path, m := range kinds {
		_, prepares := m.(countersign.Preparer)
		if path == alone {
			p.Warnings = append(p.Warnings, warning{p.T("health.alone"), "/account/" + path + "/add", p.T(m.Name() + ".choose")})
		}
		if direct := m.Collection().Direct; len(s.Second) > 0 && kits == 0 && direct && prepares && p.site.brings(m.Name(), "enroll") {
			p.Warnings = append(p.Warnings, warning{p.T("health.no_kit"), "/account/" + path + "/add", p.T("security.make")})
		}
	}
}

// signals are what authenticators are told of the account: which of their
// passkeys are still good and what they are called (WebAuthn Level 3 section
// 5.1.10). Each is one object for the script.
func (p *securityPage) signals() (all []string) {
	type account struct{ rp, user string }
	known := map[account][]string{}
	var order []account
	for _, s := range p.Sets {
		for _, i := range s.Items {
			rp, _ := i.Detail["rp_id"].(string)
			user, _ := i.Detail["user_id"].(string)
			id, _ := i.Detail["credential_id"].(string)
			if rp == "" || user == "" || id == "" {
				continue
			}
			a := account{rp, user}
			if known[a] == nil {
				order = append(order, a)
			}
			known[a] = append(known[a], id)
		}
	}
	for _, a := range order {
		name := cmp.Or(p.Identity.Reach("email"), p.Identity.Reach("sms"), p.Identity.Name)
		text, err := json.Marshal(map[string]any{"rpId": a.rp, "userId": a.user, "ids": known[a], "name": name, "displayName": cmp.Or(p.Identity.Name, name)})
		if err == nil {
			all = append(all, string(text))
		}
	}
	return all
}
