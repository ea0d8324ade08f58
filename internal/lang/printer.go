package lang

import (
	"fmt"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// longest is how much of a preference is looked at, in bytes. Browsers send
// under 100; what a stranger sends beyond this costs nothing.
const longest = 256

// Printer gives the strings of one language.
type Printer struct {
	catalog   *Catalog
	tag       language.Tag
	localizer *i18n.Localizer
	entries   map[string]entry
}

// Printer returns the printer for the first preference that can be met. Each
// preference is a locale ("de", "de-AT") or a whole Accept-Language header;
// empty ones and nonsense are passed over. It never fails: a reader whom none
// of the languages suits gets the first one loaded.
func (c *Catalog) Printer(preferences ...string) *Printer {
	for _, p := range preferences {
		tags, _, err := language.ParseAcceptLanguage(shorten(p))
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := c.matcher.Match(tags...); confidence > language.No {
			return c.printers[i]
		}
	}
	return c.printers[0]
}

// shorten cuts a long header at the last comma, so that no tag is cut in two.
func shorten(p string) string {
	if len(p) <= longest {
		return p
	}
	p = p[:longest]
	return p[:max(strings.LastIndexByte(p, ','), 0)]
}

// Tag is the language in BCP 47 form, as for the lang attribute of a page.
func (p *Printer) Tag() string { return p.tag.String() }

// T returns the string with that id, its placeholders filled from args: name,
// value, name, value. The value of "n" also chooses the plural form and must
// then be an integer.
//
// A string that is not there becomes its id, a placeholder without a value
// stays as it is; both are counted by Missed. It never panics, because a page
// with an odd word is better than none.
func (p *Printer) T(id string, args ...any) string {
	f := &filling{}
	said, e := p, p.entries[id]
	if !e.there() { // the first language stands in
		said = p.catalog.printers[0]
		e, f.missed = said.entries[id], true
	}
	var count any
	for i := 0; i+1 < len(args); i += 2 {
		name := text(args[i])
		f.give(name, text(args[i+1]))
		if name == "n" && e.plural {
			count = args[i+1]
		}
	}
	var s string
	var err error
	if count != nil {
		s, err = said.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateParser: braces{}, PluralCount: count, TemplateData: f})
	} else {
		s = f.into(e.other)
	}
	if err == nil && !f.missed && (e.other != "" || count != nil) {
		return s
	}
	p.catalog.missed.Add(1)
	if s == "" {
		return id
	}
	return s
}

// text prints a value without fmt where it can, since most are strings.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}
