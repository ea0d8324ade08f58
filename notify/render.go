package notify

import (
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	text "text/template"
	"unicode"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
)

// Brand is who the letters come from.
type Brand struct {
	Name    string // of the service, as people know it
	URL     string // the public URL; every link starts with it
	Hue     int    // of the accent, in degrees of OKLCH
	HelpURL string // where people turn to, or ""
}

// Letters turns messages into mail. It may be used from many goroutines.
type Letters struct {
	brand   Brand
	home    *url.URL
	catalog *lang.Catalog
	overlay fs.FS

	mu     sync.Mutex
	parsed map[string]*pair // by kind and language, when first needed
}

// pair is the two templates of one kind in one language; a text message has the first only.
type pair struct {
	text *text.Template
	html *html.Template
}

// NewLetters prepares the templates. A file in overlay (nil for none) stands in
// for the built-in one of the same name: layout.txt, layout.html, recover.txt and
// so on; a file with a language in its name, recover.de.txt, for that language
// alone. Text messages are code.sms.txt, link.sms.txt and notice.sms.txt. All of an operator's templates are parsed at once, so that a mistake
// in one stops the start and not the first mail.
func NewLetters(brand Brand, catalog *lang.Catalog, overlay fs.FS) (*Letters, error) {
	home, err := parseHome(brand.URL)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(brand.Name) == "" || strings.ContainsFunc(brand.Name, unicode.IsControl) {
		return nil, errors.New("notify: the service needs a name of one line")
	}
	ls := &Letters{brand: brand, home: home, catalog: catalog, overlay: overlay, parsed: map[string]*pair{}}
	if overlay == nil {
		return ls, nil
	}
	for _, name := range Kinds() {
		k, _ := kindOf(name)
		for _, tag := range catalog.Tags() {
			if _, err := ls.short(k.short, tag); err != nil {
				return nil, err
			}
			if k.bare {
				continue
			}
			if _, err := ls.pair(name, tag); err != nil {
				return nil, err
			}
		}
	}
	return ls, nil
}

// Render turns a message into what its channel carries, in its reader's
// language: a letter by mail, a few lines of text elsewhere. The error is
// ErrPermanent when the message can never become one.
func (ls *Letters) Render(m countersign.Message) (Rendered, error) {
	l, err := ls.open(m)
	if err != nil {
		return Rendered{}, err
	}
	r := Rendered{ID: m.ID, Channel: m.Channel, To: m.To, At: m.CreatedAt, Template: m.Template, Locale: l.Lang}
	if m.Channel != "email" {
		return ls.renderShort(l, r)
	}
	p, err := ls.pair(m.Template, l.Lang)
	if err != nil {
		return Rendered{}, err
	}
	var subject, plain, rich strings.Builder
	if err := p.text.ExecuteTemplate(&subject, "subject", l); err != nil {
		return Rendered{}, fmt.Errorf("notify: subject of %s: %w", m.Template, err)
	}
	l.Subject = clean(subject.String(), 998) // RFC 5322 section 2.1.1
	if err := p.text.ExecuteTemplate(&plain, "layout.txt", l); err != nil {
		return Rendered{}, fmt.Errorf("notify: text of %s: %w", m.Template, err)
	}
	if err := p.html.ExecuteTemplate(&rich, "layout.html", l); err != nil {
		return Rendered{}, fmt.Errorf("notify: page of %s: %w", m.Template, err)
	}
	r.Subject, r.Text, r.HTML = l.Subject, paragraphs(plain.String()), strings.TrimSpace(rich.String())+"\n"
	return r, nil
}

// renderShort writes a text message: no subject, no page, and nothing of where
// the request came from, since each 70 to 160 characters cost as much again.
func (ls *Letters) renderShort(l *letter, r Rendered) (Rendered, error) {
	k, _ := kindOf(l.kind)
	t, err := ls.short(k.short, l.Lang)
	if err != nil {
		return Rendered{}, err
	}
	var plain strings.Builder
	if err := t.text.Execute(&plain, l); err != nil {
		return Rendered{}, fmt.Errorf("notify: text message of %s: %w", l.kind, err)
	}
	r.Text = strings.TrimSpace(paragraphs(plain.String()))
	return r, nil
}

// short parses the template of text messages of a sort, once.
func (ls *Letters) short(sort, tag string) (*pair, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	name := sort + ".sms"
	key := name + "." + tag
	if p, ok := ls.parsed[key]; ok {
		return p, nil
	}
	body, err := ls.file(name, tag, ".txt")
	if err != nil {
		return nil, err
	}
	t, err := text.New(name + ".txt").Option("missingkey=error").Parse(body)
	if err != nil {
		return nil, fmt.Errorf("notify: parse %s.txt: %w", name, err)
	}
	ls.parsed[key] = &pair{text: t}
	return ls.parsed[key], nil
}

// pair parses the templates of a kind, once.
func (ls *Letters) pair(kind, tag string) (*pair, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	key := kind + "." + tag
	if p, ok := ls.parsed[key]; ok {
		return p, nil
	}
	p := &pair{text: text.New("").Option("missingkey=error"), html: html.New("").Option("missingkey=error")}
	for _, name := range []string{"layout", kind} {
		body, err := ls.file(name, tag, ".txt")
		if err != nil {
			return nil, err
		}
		if _, err := p.text.New(name + ".txt").Parse(body); err != nil {
			return nil, fmt.Errorf("notify: parse %s.txt: %w", name, err)
		}
		if body, err = ls.file(name, tag, ".html"); err != nil {
			return nil, err
		}
		if _, err := p.html.New(name + ".html").Parse(body); err != nil {
			return nil, fmt.Errorf("notify: parse %s.html: %w", name, err)
		}
	}
	ls.parsed[key] = p
	return p, nil
}

// file finds a template: the operator's for the language, the operator's, ours.
func (ls *Letters) file(name, tag, ending string) (string, error) {
	if ls.overlay != nil {
		for _, try := range []string{name + "." + tag + ending, name + ending} {
			body, err := fs.ReadFile(ls.overlay, try)
			if err == nil {
				return string(body), nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("notify: read %s: %w", try, err)
			}
		}
	}
	body, err := fs.ReadFile(templates, "templates/"+name+ending)
	if err != nil {
		return "", fmt.Errorf("notify: read %s: %w", name+ending, err)
	}
	return string(body), nil
}

// paragraphs puts one empty line between paragraphs and none at the ends, so
// that templates need not be written around it.
func paragraphs(s string) string {
	var b strings.Builder
	empty := true // as before the first line
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			empty = true
			continue
		}
		if empty && b.Len() > 0 {
			b.WriteByte('\n')
		}
		empty = false
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
