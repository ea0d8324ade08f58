package web

import (
	"errors"
	"net/url"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/login"
)

// linkPage is what a mailed link opens. Looking at it spends nothing, since
// scanners open the links in mails; its button does.
type linkPage struct {
	*page
	Link  login.Link
	Token string
	// Here is whether this browser is the one that asked. If not, the page says
	// which one was, because the link may be someone else's trick.
	Mine bool
}

// showLink answers the address in a mail, and the page without a token. name is
// the page's path.
func showLink(name string) handler { return func(v *visit) error { return v.showLink(name) } }

func (v *visit) showLink(name string) error {
	token := v.r.URL.Query().Get("token")
	if token == "" {
		return showNoLink(v, name)
	}
	v.secret = true
	l, err := v.site.Links.Link(v.r.Context(), token)
	if gone(err) {
		return showGone(v, name)
	}
	if err != nil {
		return err
	}
	if l.Attempt == "" && !v.signedIn() {
		return v.see(ownAddresses)
	}
	purpose := string(l.Purpose)
	p := &linkPage{page: v.page(name, "link."+purpose+".title"), Link: l, Token: token,
		Mine: l.Attempt == "" || l.Attempt == v.site.Door.Attempt(v.r)}
	p.Lead = v.T("link."+purpose+".lead", "address", l.Address)
	v.site.render(v, 200, "link", p)
	return nil
}

// gone reports that a link is spent, expired or none at all: all look the same.
func gone(err error) bool {
	return errors.Is(err, countersign.ErrExpired) || errors.Is(err, countersign.ErrNotFound) ||
		errors.Is(err, countersign.ErrNoMatch) || errors.Is(err, countersign.ErrMalformed)
}

// ownAddresses is where a person who is signed in types the code that came with
// the link of an added address. Only the account that added it may prove it, so
// whoever is not signed in does that first.
const ownAddresses = "/sign-in?return_to=%2Faccount%2Femails"

// followLink spends a link.
func followLink(name string) handler { return func(v *visit) error { return v.followLink(name) } }

func (v *visit) followLink(name string) error {
	token := v.form.Get("token")
	if token == "" {
		return verify.take(v)
	}
	r, err := v.site.Links.Follow(v.r.Context(), v.by, token, v.site.Door.Attempt(v.r))
	if gone(err) {
		return showGone(v, name)
	}
	if errors.Is(err, countersign.ErrForbidden) {
		return v.see(ownAddresses) // another account's address, or nobody is signed in here
	}
	if err != nil {
		return err
	}
	return flowOf(r.Purpose).advance(v, r)
}

// gonePage says that a link no longer works. Where this browser still has the
// attempt that the link belonged to, one click sends a new one.
type gonePage struct {
	*page
	Path   string // where a new code is asked for; "" when nothing is open here
	Method string
	Who    string
}

func showGone(v *visit, name string) error {
	p := &gonePage{page: v.page(name, "gone.title")}
	p.Lead = v.T("gone.lead")
	for _, f := range []*flow{signUp, recovery, verify, signIn} {
		r, open, err := v.attempt(f.purpose)
		if err != nil {
			return err
		}
		// What was sent last is what the link came from.
		slices.SortStableFunc(r.Methods, func(a, b login.Offer) int {
			return map[bool]int{true: -1}[a.Sent] - map[bool]int{true: -1}[b.Sent]
		})
		for _, o := range r.Methods {
			if open && o.To != "" && p.Path == "" {
				p.Path, p.Method, p.Who = f.path, o.Method, reveal(r.Identifier, o.To)
			}
		}
	}
	v.site.render(v, 410, "gone", p)
	return nil
}

// showNoLink is for those who typed the address of the page: it leads to what
// they have begun, or says where links come from.
func showNoLink(v *visit, name string) error {
	if v.r.URL.Query().Get("method") != "" {
		return verify.show(v)
	}
	if name != verify.name {
		return v.see(signIn.path)
	}
	for _, f := range []*flow{signUp, recovery} {
		r, open, err := v.attempt(f.purpose)
		if err != nil {
			return err
		}
		if open && len(r.Methods) > 0 {
			return v.see(f.path + "?" + url.Values{"method": {r.Methods[0].Method}}.Encode())
		}
	}
	if v.signedIn() {
		return v.see("/account/emails")
	}
	p := v.page("verify", "verify.title")
	p.Lead = v.T("verify.lead")
	v.site.render(v, 200, "verify", p)
	return nil
}
