package server

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/api"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/door"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/internal/strength"
	"github.com/countersign-id/countersign/web"
)

// doors builds the ways in over HTTP: one guard before both, JSON and pages behind it.
func (s *Server) doors(methods map[string]countersign.Method) (http.Handler, error) {
	c := s.config
	forms := fragments(methods)
	words := s.words
	d := &door.Door{
		// Key signs the mark of a device that has proved: it has guess budgets of its
		// own, so nobody may make one up.
		Public: s.publicURL(), Trusted: c.Proxy.Trusted, Check: s.check, Programs: "/v1/", Key: s.key("device cookie"), Now: s.options.Now, Log: s.options.Log,
		Locale: func(accept string) string { return words.Printer(accept).Tag() }, Observe: s.metrics.seen,
	}
	mux := http.NewServeMux()
	calls := s.api(d)
	calls.Mount(mux)
	pages, err := s.pages(d, words, methods, forms)
	if err != nil {
		return nil, err
	}
	page, err := pages.Mount(mux)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	// The door refuses before it knows who would have answered, so the path decides
	// whether a program or a person reads it.
	d.Refuse = func(w http.ResponseWriter, r *http.Request, err error) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			calls.Explain(w, r, err)
			return
		}
		page(w, r, err)
	}
	return d.Handler(mux), nil
}

// check finds the session behind a token.
func (s *Server) check(ctx context.Context, token string) (door.Known, error) {
	k, err := s.Sessions.Check(ctx, token)
	if err != nil {
		return door.Known{}, err
	}
	return door.Known{Session: &k.Session, Identity: &k.Identity, JSON: k.JSON()}, nil
}

// safeReturn says where a person may be sent afterwards: our own paths and what
// the operator allows, nothing that only looks like them (CWE-601).
func safeReturn(c config.Config) func(string) (string, bool) {
	self, allow := c.Server.PublicURL.URL(), c.ReturnTo.Allow
	return func(raw string) (string, bool) { return door.SafeReturn(raw, allow, self) }
}

// pages are what people see, over the same processes as the JSON API.
func (s *Server) pages(d *door.Door, words *lang.Catalog, methods map[string]countersign.Method, forms map[string]fs.FS) (web.Server, error) {
	c := s.config
	brand := web.Brand{Name: c.Server.Name, Hue: c.Brand.Hue, Terms: reveal(c.Brand.TermsURL), Privacy: reveal(c.Brand.PrivacyURL), Help: reveal(c.Brand.HelpURL)}
	if c.Brand.Logo != "" {
		// Read once, here: pages never touch the file system for what a request names.
		logo, err := os.ReadFile(c.Brand.Logo)
		if err != nil {
			return web.Server{}, fmt.Errorf("server: logo: %w", err)
		}
		brand.Logo = logo
	}
	// The rules of the method itself. The meter does not know the person's names, so
	// the form may still refuse what it praised.
	strong := rules(c)
	policies := s.policies(methods)
	made := web.Server{
		Door: d, Words: words, Locales: c.Web.Locales,
		Attempts: s.Login, Links: s.Login, Profiles: s.Account, Emails: s.Account, Devices: s.Account, Changes: s.Account, Setup: s.Admin,
		Factors: s.Account, Keepers: s.Account, Resets: s.Login, RelatedOrigins: c.Passkey.RelatedOrigins,
		RememberFor: time.Duration(c.Policy.RememberDevice), ResetWait: time.Duration(c.Policy.ResetWait),
		Facts: map[string]string{"password_min": fmt.Sprint(max(strong.Min, strength.MinLength)), "code_minutes": fmt.Sprint(int(time.Duration(c.Code.Life).Minutes())),
			"link_minutes": fmt.Sprint(int(time.Duration(c.Link.Life).Minutes()))},
		Methods: forms, Begin: policies[countersign.SignUp].Enroll, Prove: policies[countersign.StepUp].Offer,
		Brand: brand, PublicURL: s.publicURL(), ReturnTo: c.ReturnTo.Allow, SignUpClosed: !c.SignUp.Enabled, Inbox: s.inbox(),
		Strength: func(password string) web.Strength {
			v := strong.Check(password, []string{c.Server.Name})
			return web.Strength{Score: v.Score, Problem: string(v.Problem)}
		},
		Now: s.options.Now,
	}
	if s.texts() {
		made.Phones = s.Account
	}
	spare := policies[countersign.SignIn].Spare
	if m := s.Login.Reset; m != nil && slices.Contains(spare, m.Name()) {
		made.Reset = m.Name()
	}
	if k, ok := s.Login.Remember.(countersign.Keeper); ok && slices.Contains(spare, k.Name()) {
		made.Remember = k.Collection().Path
	}
	for _, m := range policies[countersign.SignIn].Offer {
		if _, ok := methods[m].(countersign.Namer); ok {
			made.Nameless = m
		}
	}
	return made, nil
}

// api is what programs call. Key signs what is kept of answers to repeated requests.
func (s *Server) api(d *door.Door) *api.API {
	return &api.API{
		Door: d, Name: s.config.Server.Name, Version: s.options.Version, ReturnTo: s.config.ReturnTo.Allow, Key: s.key("replies"),
		Login: s.Login, Resets: s.Login, Account: api.AccountOf(s.Account), Admin: api.AdminOf(s.Admin), Replies: s.replies(), Shapes: shapes(),
		Remember: s.remembering(), RememberFor: time.Duration(s.config.Policy.RememberDevice),
	}
}

// remembering is the collection of browsers that are asked for no second proof, "" where none is.
func (s *Server) remembering() string {
	if k, ok := s.Login.Remember.(countersign.Keeper); ok {
		return k.Collection().Path
	}
	return ""
}
