package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// inboxPage shows what would have been sent, so that a developer can follow
// every flow without a mail server.
type inboxPage struct {
	*page
	Items []item
}

// item is one message with its code and its links found.
type item struct {
	Mail
	Code  string
	Links []string
	Parts []piece
}

// piece is some text of a message, or one of our links in it.
type piece struct{ Text, Href string }

// ours finds addresses in a text; codeIn finds the code that a subject ends with.
var (
	ours   = regexp.MustCompile(`https?://[^\s<>"]+`)
	codeIn = regexp.MustCompile(`\b(\d{4})[ \x{00A0}]?(\d{4})\b`)
)

// showInbox answers with a page, or with JSON for a program that asks for it.
func (s *site) showInbox(v *visit) error {
	v.secret = true
	list, err := s.Inbox(v.r.Context())
	if err != nil {
		return err
	}
	v.w.Header().Add("Vary", "Accept")
	if accept := v.r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		if list == nil {
			list = []Mail{}
		}
		text, err := json.Marshal(map[string][]Mail{"items": list})
		if err != nil {
			return fmt.Errorf("web: inbox: %w", err)
		}
		v.w.Header().Set("Content-Type", "application/json")
		v.w.Header().Set("Cache-Control", "no-store")
		_, err = v.w.Write(append(text, '\n'))
		return err
	}
	p := &inboxPage{page: v.page("dev-inbox", "inbox.title")}
	p.Lead, p.Wide = v.T("inbox.lead"), true
	for _, m := range list {
		p.Items = append(p.Items, s.item(m))
	}
	s.render(v, 200, "dev-inbox", p)
	return nil
}

// item makes the links of a message that lead to us clickable. Others stay
// text: nothing on this page leads away.
func (s *site) item(m Mail) item {
	it := item{Mail: m}
	if c := codeIn.FindStringSubmatch(m.Subject); c != nil {
		it.Code = c[1] + c[2]
	}
	rest := m.Text
	for rest != "" {
		at := ours.FindStringIndex(rest)
		if at == nil {
			break
		}
		before, found := rest[:at[0]], strings.TrimRight(rest[at[0]:at[1]], ".,)")
		rest = rest[at[0]+len(found):]
		it.Parts = append(it.Parts, piece{Text: before})
		u, err := url.Parse(found)
		if err != nil || s.PublicURL == nil || u.Host != s.PublicURL.Host || u.Scheme != s.PublicURL.Scheme {
			it.Parts = append(it.Parts, piece{Text: found})
			continue
		}
		// On this page the link is relative, so that it works under every name of this machine.
		it.Parts = append(it.Parts, piece{Text: found, Href: u.RequestURI()})
		it.Links = append(it.Links, u.RequestURI())
	}
	it.Parts = append(it.Parts, piece{Text: rest})
	return it
}
