// Package web is the door for people: the pages of signing in and up, of
// recovery, of the account, of the first administrator, and of what went wrong.
//
// It owns how things look and read, and the order in which a person is asked.
// It decides nothing: every answer comes from the processes it is given, which
// the JSON door calls as well. It knows no method of proof by name; a method
// brings its own form and words.
//
// Pages work without JavaScript. Forms are posted and answered by a redirect
// (RFC 9110 section 15.4.4), so that "back" and "reload" do no harm; only a
// form with mistakes is answered by itself. The policy for content is
// CSP Level 3 without any inline script or style. Accessibility follows WCAG 2.2 AA.
package web

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/internal/lang"
)

// Words holds the catalogues of the pages, for lang.Load.
//
//go:embed en.toml de.toml
var Words embed.FS

//go:embed templates/*.html
var templates embed.FS

// Server is what the pages need. All fields are needed unless said otherwise.
// Several of the processes are usually one value.
type Server struct {
	Door  *door.Door    // recognises callers, keeps cookies
	Words *lang.Catalog // with Words and those of every method
	// Locales are the languages offered, as given to lang.Load.
	Locales []string

	Attempts Attempts
	Links    Links
	Profiles Profiles
	Emails   Emails
	Devices  Devices
	Changes  Changes
	Setup    Setup
	Factors  Factors
	Keepers  Keepers
	Phones   Phones // nil where no text messages are sent
	Resets   Resets // nil where lost factors are not reset

	// Methods holds what each method of proof brings: form.html to prove with
	// it; enroll.html to set it up and change.html to change it, where that is possible.
	Methods map[string]fs.FS
	// Begin names the methods that a new account may begin with, best first.
	Begin []string
	// Prove names the methods that prove once more who is signed in, best first.
	Prove []string

	// Nameless names the method that signs in without a name, by a dialogue of
	// the browser's own; "" for none.
	Nameless string
	// Remember is the collection of browsers that are asked for no second proof,
	// and RememberFor how long; "" where none is remembered.
	Remember    string
	RememberFor time.Duration
	// Reset names the method that stands in for lost factors after ResetWait.
	Reset     string
	ResetWait time.Duration

	// Facts are numbers that the words of methods speak of: {password_min},
	// {code_minutes} and {link_minutes}. What is missing is filled with the defaults.
	Facts map[string]string

	Brand     Brand
	PublicURL *url.URL
	ReturnTo  []string // origins, other than our own, that a person may be sent back to
	// RelatedOrigins are other origins of the operator at which our passkeys may be used.
	RelatedOrigins []string

	// SignUpClosed hides every way to a new account.
	SignUpClosed bool
	// Inbox lists what would have been sent. Nil unless nothing leaves the
	// machine and nobody else can reach the page.
	Inbox func(context.Context) ([]Mail, error)
	// Strength judges a password while it is typed; nil leaves that to the answer.
	Strength func(password string) Strength

	Now func() time.Time // nil for time.Now
}

// Brand is how an operator's pages differ from ours. Its zero value is ours.
type Brand struct {
	Name    string // "Countersign" when empty
	Hue     int    // of the accent colour, in degrees, in OKLCH; 0 is a red, so the wiring gives the default
	Logo    []byte // SVG, PNG or WebP in place of the mark; at most 256 KiB
	Terms   string // links; empty ones are not shown
	Privacy string
	Help    string
}

// Mail is one message as the development inbox shows it.
type Mail struct {
	Channel string    `json:"channel"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	SentAt  time.Time `json:"sent_at"`
}

// Strength is what the server's own rule says about a password.
type Strength struct {
	Score   int    // 0 to 4; from 3 on it is accepted
	Problem string // a stable code, or "" when it is accepted
}

// site is a server with everything that is prepared once.
type site struct {
	Server
	templates *template.Template
	assets    *assets
	fragments map[string]fragment
	shown     map[string]bool // by method/part: it speaks of what the method shows
	facts     []any           // as arguments of T
	judging   chan struct{}   // one place for each password that is judged at the same time
}

const ourName = "Countersign"

// absolute is a full address of ours, for what is read elsewhere.
func (s *site) absolute(path string) string {
	if s.PublicURL == nil {
		return path
	}
	return s.PublicURL.JoinPath(path).String()
}

// Mount adds the pages to a mux. "/" is theirs: it answers what nobody else
// answers. What it returns shows a person an error as a page, for the door's own
// refusals. The error is a template or a fragment that cannot be read.
func (s Server) Mount(mux *http.ServeMux) (refuse func(http.ResponseWriter, *http.Request, error), err error) {
	if s.Brand.Name == "" {
		s.Brand.Name = ourName
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	st := &site{Server: s, judging: make(chan struct{}, 2), facts: []any{"password_min", cmp.Or(s.Facts["password_min"], "8"), "code_minutes", cmp.Or(s.Facts["code_minutes"], "10"),
		"link_minutes", cmp.Or(s.Facts["link_minutes"], "15")}}
	if st.assets, err = newAssets(s.Brand); err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	if err = st.parse(); err != nil {
		return nil, fmt.Errorf("web: templates: %w", err)
	}
	st.routes(mux)
	return st.refuseAnyone, nil
}
