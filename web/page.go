package web

import (
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/countersign-id/countersign/internal/lang"
)

// page is what every template gets. The methods and fields here are all that
// templates and fragments use.
type page struct {
	*visit
	Name     string // the path in kebab case: data-testid, and the id of its form
	Heading  string
	Lead     string // one sentence under the heading
	Notice   string // what has just been done
	Wide     bool   // the account's frame rather than the card
	Fresh    bool   // the first field takes the focus
	problems []problem
	failing  string // the form that the problems are about
	focused  bool
	Passkeys bool // the page talks to the browser about passkeys
}

// page begins a page; its words are found by its name.
func (v *visit) page(name, heading string, args ...any) *page {
	return &page{visit: v, Name: name, Heading: v.T(heading, args...), failing: name}
}

// Title is the document's title. A page with problems says so first, because
// that is what a screen reader reads first.
func (p *page) Title() string {
	title := p.Heading + " · " + p.site.Brand.Name
	if len(p.problems) > 0 {
		return p.T("error.prefix") + " " + title
	}
	return title
}

// Brand is the operator's.
func (p *page) Brand() Brand { return p.site.Brand }

// HasLogo reports whether the operator brought a logo.
func (p *page) HasLogo() bool { return len(p.site.Brand.Logo) > 0 }

// Asset is the address of an embedded file; it changes when the file does.
func (p *page) Asset(name string) string { return p.site.assets.path[name] }

// Script is the address of the page's script: passkeys have one of their own,
// which most pages have no use for.
func (p *page) Script() string {
	if p.Passkeys {
		return p.Asset("passkeys.js")
	}
	return p.Asset("app.js")
}

// Icon is one of the drawings, hidden from screen readers: a name is always beside it.
func (p *page) Icon(name string) template.HTML { return p.site.assets.icons[name] }

// Card is the full address of the picture that is shown beside a link to us. It
// has our name on it, so an operator's pages go without.
func (p *page) Card() string {
	if p.site.Brand.Name != ourName || p.HasLogo() {
		return ""
	}
	return p.site.absolute(p.Asset("card.png"))
}

// SignedIn reports whether someone is signed in here.
func (p *page) SignedIn() bool { return p.signedIn() }

// SignUp reports whether strangers may make accounts.
func (p *page) SignUp() bool { return !p.site.SignUpClosed }

// When says when something was, seen from now.
func (p *page) When(t time.Time) lang.When { return p.Printer.Time(t, p.now) }

// Theme is "light", "dark" or "" for what the device says.
func (p *page) Theme() string { return choice(p.r, "theme") }

// Here is where the form for the view leads back to. A page that answers a POST
// has no address of its own but that of its form.
func (p *page) Here() string {
	if p.r.Method == "POST" {
		return p.r.URL.Path
	}
	return p.r.URL.RequestURI()
}

// Locales are the languages offered, with their own names for themselves.
func (p *page) Locales() []option {
	var list []option
	for _, l := range p.site.Locales {
		list = append(list, option{Value: l, Label: p.site.Words.Printer(l).T("language"), On: l == p.Tag()})
	}
	return list
}

// option is one of several to choose from.
type option struct {
	Value, Label string
	On           bool
}

// ReturnQuery carries the way back from one page of a flow to another.
func (p *page) ReturnQuery() string {
	if to := p.returnTo(); to != "" {
		return "?" + url.Values{"return_to": {to}}.Encode()
	}
	return ""
}

// Return is the allowed way back, for a hidden field.
func (p *page) Return() string { return p.returnTo() }

// done sets the notice that the address asks for, if it is one of those that
// the page has: a link can only choose among our own sentences.
func (p *page) done(keys ...string) *page {
	asked := p.r.URL.Query().Get("done")
	for _, k := range keys {
		if asked == k {
			p.Notice = p.T("done." + strings.ReplaceAll(k, "-", "_"))
		}
	}
	return p
}
