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

// newLetters reads the words and templates of mail, an operator's over our own. A
// mistake in them ends the start: a letter that cannot be made would be found out by
// the person who waits for it.
func newLetters(c config.Config, forms map[string]fs.FS) (*notify.Letters, error) {
	sources := []fs.FS{notify.Words()}
	for _, f := range forms { // what a method is called, for letters about one
		sources = append(sources, f)
	}
	var overlay fs.FS
	if dir := c.Notify.TemplatesDir; dir != "" {
		overlay = os.DirFS(dir)
		sources = append(sources, overlay) // an operator's en.toml replaces single strings
	}
	words, err := lang.Load(c.Web.Locales, sources...)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	letters, err := notify.NewLetters(notify.Brand{
		Name: c.Server.Name, URL: c.Server.PublicURL.URL().String(), Hue: c.Brand.Hue, HelpURL: reveal(c.Brand.HelpURL),
	}, words, overlay)
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
