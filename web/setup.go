package web

import (
	"errors"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/admin"
)

// setupPage makes the first administrator.
type setupPage struct {
	*page
	Main  *form
	Token string
}

func (s *site) setupPage(v *visit, token string) *setupPage {
	v.secret = true
	p := &setupPage{page: v.page("setup", "setup.title"), Token: token}
	p.Lead, p.Fresh = v.T("setup.lead"), true
	p.Main = p.Form("setup")
	p.Main.Method = first(s.names(s.Begin, "enroll"))
	return p
}

// showSetup answers GET: the form for whoever has the link, and what to do for
// whoever has not.
func (s *site) showSetup(v *visit) error {
	token := v.r.URL.Query().Get("token")
	open, err := s.Setup.SetupOpen(v.r.Context())
	if err != nil {
		return err
	}
	if open && token != "" {
		err = s.Setup.SetupCheck(v.r.Context(), token)
		if err == nil {
			s.render(v, 200, "setup", s.setupPage(v, token))
			return nil
		}
		if !gone(err) && !errors.Is(err, countersign.ErrForbidden) {
			return err
		}
	}
	return v.noSetup(open)
}

func (v *visit) noSetup(open bool) error {
	p := v.page("setup", "setup.done_title")
	p.Lead = v.T("setup.done_lead")
	status := 410
	if open {
		p.Heading, p.Lead, status = v.T("setup.link_title"), v.T("setup.link_lead"), 403
	}
	v.site.render(v, status, "message", p)
	return nil
}

// doSetup spends the link.
func (s *site) doSetup(v *visit) error {
	token := v.form.Get("token")
	who := admin.New{Email: v.form.Get("email"), Name: v.form.Get("name"), Locale: v.Tag(),
		Secret: v.evidence(first(s.names(s.Begin, "enroll")), "enroll")}
	i, session, secret, err := s.Setup.Setup(v.r.Context(), v.by, token, who)
	if err == nil {
		v.enter(secret, &session, i.ID)
		return v.see("/account?done=welcome")
	}
	if errors.Is(err, countersign.ErrConflict) {
		return v.noSetup(false)
	}
	if errors.Is(err, countersign.ErrForbidden) || gone(err) && !errors.Is(err, countersign.ErrMalformed) {
		open, checkErr := s.Setup.SetupOpen(v.r.Context())
		if checkErr != nil {
			return checkErr
		}
		return v.noSetup(open)
	}
	p := s.setupPage(v, token)
	status, ok := p.explain(err, p.Main.Method, "enroll")
	if !ok {
		return err
	}
	s.render(v, status, "setup", p)
	return nil
}
