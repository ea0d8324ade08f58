package notify

import (
	"fmt"
	"html/template"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/lang"
)

// letter is what a template sees. Its exported fields and methods are the
// vocabulary of an operator's own templates too, so none may be taken away.
type letter struct {
	Lang    string
	Subject string
	Brand   Brand
	Code    string   // to be typed in
	Groups  []string // the same in pieces, for reading
	Link    string   // what can be done about it, or ""
	To      string

	kind    string
	host    string // of our site
	minutes int    // how long a code or a link works; 0 when the message does not say
	purpose string
	origin  []row
	words   *lang.Printer
	args    []any
}

// row is one line of the account of where a request came from.
type row struct{ Label, Value string }

// Accent is the operator's colour, dark enough to stand on white and to carry white text.
func (l *letter) Accent() template.CSS { return accent(0.5, 0.15, l.Brand.Hue) }

// AccentDark is the same colour, light enough to stand on black.
func (l *letter) AccentDark() template.CSS { return accent(0.8, 0.1, l.Brand.Hue) }

// T is a string of the catalogue; the data of the message fills its placeholders.
func (l *letter) T(id string) string { return l.words.T(id, l.args...) }

// Say is a string of this kind of letter.
func (l *letter) Say(part string) string { return l.T("mail." + l.kind + "." + part) }

// Lead is the first sentence, which in a letter with a code says what the code is for.
func (l *letter) Lead() string {
	if l.purpose != "" {
		return l.Say("lead_" + l.purpose)
	}
	return l.Say("lead")
}

// Until says how long the code works, or is "" when the message does not say.
func (l *letter) Until() string {
	if l.has("until") {
		return l.T("mail.until")
	}
	return ""
}

// Minutes says the same where there is no room for a date.
func (l *letter) Minutes() string {
	if l.minutes < 1 {
		return ""
	}
	return l.words.T("sms.minutes", "n", l.minutes)
}

// Host is the name that browsers know our site by.
func (l *letter) Host() string { return l.host }

// Origin is where the request came from, as far as that is known.
func (l *letter) Origin() []row { return l.origin }

func (l *letter) has(name string) bool {
	for i := 0; i < len(l.args); i += 2 {
		if l.args[i] == name {
			return true
		}
	}
	return false
}

// open checks a message and lays out what its template will see. Its errors are
// ErrPermanent where the message can never become a letter.
func (ls *Letters) open(m countersign.Message) (*letter, error) {
	k, known := kindOf(m.Template)
	if !known {
		// Not permanent: in a rolling update a newer server may know it.
		return nil, fmt.Errorf("notify: no template %q", m.Template)
	}
	if err := reachable(m.Channel, m.To); err != nil {
		return nil, err
	}
	if k.bare && m.Channel == "email" {
		return nil, fmt.Errorf("notify: %s is no letter: %w", m.Template, ErrPermanent)
	}
	for _, name := range k.needs {
		if m.Data[name] == "" {
			return nil, fmt.Errorf("notify: %s without %s: %w", m.Template, name, ErrPermanent)
		}
	}
	link, err := ls.link(m.Data["link"], k.page)
	if err != nil {
		return nil, err
	}
	code, err := plainCode(m.Data["code"])
	if err != nil {
		return nil, err
	}
	l := &letter{
		Brand: ls.brand, Code: code, Groups: groups(code), Link: link, To: m.To,
		kind: m.Template, host: ls.home.Hostname(), words: ls.catalog.Printer(m.Locale),
	}
	l.Lang = l.words.Tag()
	l.fill(m)
	return l, nil
}

// fill sets the placeholders and the rows from the data of the message.
func (l *letter) fill(m countersign.Message) {
	l.args = []any{
		"brand", l.Brand.Name, "to", m.To, "code", strings.Join(l.Groups, " "), "digits", l.Code,
		"address", clean(m.Data["address"], 320), "reason", clean(m.Data["reason"], 300), "left", clean(m.Data["left"], 10),
		"factor", l.factor(m), "ready_at", l.moment(m.Data["ready_at"], m.CreatedAt),
	}
	if t, err := time.Parse(time.RFC3339, m.Data["expires"]); err == nil {
		l.args = append(l.args, "until", l.words.Time(t, m.CreatedAt).Exact)
		l.minutes = int(t.Sub(m.CreatedAt).Round(time.Minute) / time.Minute)
	}
	l.purpose = purposeOf(m)
	at := m.CreatedAt
	if t, err := time.Parse(time.RFC3339, m.Data["at"]); err == nil {
		at = t
	}
	for _, name := range []string{"device", "place", "network"} {
		if v := clean(m.Data[name], 120); v != "" {
			l.origin = append(l.origin, row{l.T("mail." + name), v})
		}
	}
	if when := l.words.Time(at, at); when.Exact != "" {
		l.origin = append(l.origin, row{l.T("mail.at"), when.Exact})
	}
}

// purposeOf is what a code or a link is for, as the catalogue has words for it;
// "" for the kinds that have one purpose only.
func purposeOf(m countersign.Message) string {
	known := []string{"sign_up", "sign_in", "step_up", "add"}
	switch m.Template {
	case "magic_link":
		known = append(known, "recover")
	case "verify_code":
	default:
		return ""
	}
	if p := m.Data["purpose"]; slices.Contains(known, p) {
		return p
	}
	return "verify"
}

// factor names a way to prove as people know it: the method's title, which its
// own catalogue brings, and what its owner calls it. A method without a title is
// shown by its name, for a letter with an odd word is better than none.
func (l *letter) factor(m countersign.Message) string {
	method := clean(m.Data["method"], 60)
	if method == "" {
		return ""
	}
	title := l.words.T(method + ".title")
	if title == method+".title" {
		title = strings.ReplaceAll(method, "_", " ")
	}
	if what := clean(m.Data["what"], 120); what != "" && what != title {
		return title + " (" + what + ")"
	}
	return title
}

// moment is a time in the reader's language; what is no time stays as it is.
func (l *letter) moment(given string, now time.Time) string {
	t, err := time.Parse(time.RFC3339, given)
	if err != nil {
		return clean(given, 60)
	}
	return l.words.Time(t, now).Exact
}

// reachable refuses what a channel cannot reach.
func reachable(channel, to string) error {
	switch channel {
	case "email":
		return plainAddress(to)
	case "sms":
		return plainNumber(to)
	case "message": // whoever passes it on knows both
		if plainNumber(to) == nil {
			return nil
		}
		return plainAddress(to)
	}
	return fmt.Errorf("notify: no way to send by %q: %w", channel, ErrPermanent)
}

// plainNumber refuses all but a number in E.164.
func plainNumber(to string) error {
	if number, ok := address.Phone(to); !ok || number != to {
		return fmt.Errorf("notify: the reader's number is none in E.164: %w", ErrPermanent)
	}
	return nil
}

// plainAddress refuses all but one bare address (RFC 5322 addr-spec): what
// passes cannot end a header line or name a second reader.
func plainAddress(to string) error {
	parsed, err := mail.ParseAddress(to)
	if err != nil || parsed.Address != to || strings.ContainsFunc(to, unicode.IsControl) {
		return fmt.Errorf("notify: the reader's address is not a bare one: %w", ErrPermanent)
	}
	return nil
}

// plainCode refuses a code of other than letters, digits and hyphens, because it
// stands in the subject.
func plainCode(code string) (string, error) {
	for _, r := range code {
		if r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-') {
			return "", fmt.Errorf("notify: a code with odd characters: %w", ErrPermanent)
		}
	}
	return code, nil
}

// link makes sure that a letter leads to our public URL and nowhere else, even
// if whoever wrote the message took a host name from a request.
func (ls *Letters) link(given, page string) (string, error) {
	if given == "" {
		given = page
	}
	if given == "" {
		return "", nil
	}
	u, err := ls.home.Parse(given)
	if err != nil || u.Scheme != ls.home.Scheme || u.Host != ls.home.Host || u.User != nil || strings.ContainsFunc(given, unicode.IsControl) {
		return "", fmt.Errorf("notify: a link that leads elsewhere: %w", ErrPermanent)
	}
	return u.String(), nil
}

// groups cuts a code into halves, which are easier to read off and to type.
func groups(code string) []string {
	if n := len(code); n == 6 || n == 8 {
		return []string{code[:n/2], code[n/2:]}
	}
	return []string{code}
}

// clean makes a value that strangers may have had a hand in (a device's name
// comes from a header) fit to be shown: one line, no invisible characters, no
// text that turns direction, cut after the limit. It never refuses, because
// an odd User-Agent must not keep the owner from being warned.
func clean(v string, limit int) string {
	var b strings.Builder
	for _, r := range v {
		switch {
		case b.Len() >= limit:
			return b.String() + "…"
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// parseHome checks the public URL that every link starts from.
func parseHome(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("notify: %q is not the URL of a site", raw)
	}
	return u, nil
}
