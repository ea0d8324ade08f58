package server

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/notify"
	"github.com/countersign-id/countersign/web"
)

// readWords reads what pages, methods and letters say, in every language that is
// offered, once for all of them; an operator's words take the place of our own.
func (s *Server) readWords(forms map[string]fs.FS) error {
	sources := []fs.FS{web.Words, notify.Words()}
	for _, f := range forms {
		sources = append(sources, f)
	}
	if o := s.overlay(); o != nil {
		sources = append(sources, o)
	}
	words, err := lang.Load(s.config.Web.Locales, sources...)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.words = words
	return nil
}

// overlay is the operator's folder of mail templates, nil for none.
func (s *Server) overlay() fs.FS {
	if dir := s.config.Notify.TemplatesDir; dir != "" {
		return os.DirFS(dir)
	}
	return nil
}

// newLetters reads the templates of mail, an operator's over our own. A mistake in
// them ends the start: a letter that cannot be made would be found out by the
// person who waits for it.
func (s *Server) newLetters() (*notify.Letters, error) {
	c := s.config
	letters, err := notify.NewLetters(notify.Brand{
		Name: c.Server.Name, URL: c.Server.PublicURL.URL().String(), Hue: c.Brand.Hue, HelpURL: reveal(c.Brand.HelpURL),
	}, s.words, s.overlay())
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return letters, nil
}

// reveal gives the text of an address that pages link to; "" hides the link.
func reveal(u config.URL) string {
	if u.Empty() {
		return ""
	}
	return u.Reveal()
}

// newSender is one for each channel: what is configured, else the development inbox.
func newSender(c config.Config) (notify.Sender, error) {
	all := notify.Channels{"email": notify.Sink{}, "sms": notify.Sink{}}
	if !c.Notify.SMTP.URL.Empty() {
		smtp, err := notify.NewSMTP(c.Notify.SMTP.URL.Reveal(), c.Notify.From)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		all["email"] = smtp
	}
	switch sms := c.SMS; {
	case sms.TwilioAccount != "":
		o := notify.TwilioOptions{Account: sms.TwilioAccount, Key: sms.TwilioKey, Secret: sms.TwilioToken.Reveal(), From: sms.TwilioFrom}
		if strings.HasPrefix(o.From, "MG") && len(o.From) == 34 { // a messaging service, not a name
			o.From, o.Service = "", o.From
		}
		twilio, err := notify.NewTwilio(o)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		all["sms"] = twilio
	case !sms.HookURL.Empty():
		hook, err := notify.NewHook(notify.HookOptions{URL: sms.HookURL.Reveal(), Secrets: []string{sms.HookSecret.Reveal()}})
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		all["sms"] = hook
	}
	return all, nil
}

// inbox lists what would have been sent, for the development inbox page; nil where there is none.
func (s *Server) inbox() func(context.Context) ([]web.Mail, error) {
	if !s.inboxOpen() {
		return nil
	}
	box := notify.Inbox{Letters: s.letters, Outbox: s.Store}
	return func(ctx context.Context) ([]web.Mail, error) {
		items, err := box.Items(ctx, 200)
		out := make([]web.Mail, len(items))
		for i, m := range items {
			out[i] = web.Mail(m)
		}
		return out, err
	}
}
