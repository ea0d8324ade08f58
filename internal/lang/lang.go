// Package lang finds the words for a reader: catalogues of strings in several
// languages, chosen by what the reader asked for.
//
// It owns loading, choosing (RFC 9110 section 12.5.4, by the matcher of BCP 47
// in golang.org/x/text), placeholders, plurals (CLDR, by go-i18n) and times.
// It does not own any words but those for times: each package brings its own
// catalogue, one TOML file for each language, named en.toml, de.toml and so on.
//
// A string may hold placeholders in braces, "{count} devices". Their values are
// inserted as they are: escaping belongs to the template that prints the result.
// A string with plural forms is a table with the keys one, other (and few, many
// where a language has them); the argument "n" chooses the form. Because those
// names, and id and description, mean something to go-i18n, no other key may be
// called so.
package lang

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

//go:embed en.toml de.toml
var words embed.FS

// Catalog holds every string in every language that is offered. It does not
// change after Load, so it may be used from many goroutines.
type Catalog struct {
	matcher  language.Matcher
	printers []*Printer // in the order of the locales, as the matcher counts them
	missed   atomic.Uint64

	entries []map[string]entry // what each language has, in the same order
	twice   []string           // which keys came from two catalogues, for Missing
}

// entry is one string of one language. Only those with plural forms are go-i18n's as
// well: it keeps half a kilobyte of each, and most strings have none.
type entry struct {
	other  string // the only form, or the one that needs no number
	plural bool
}

// there reports whether the language has something to say.
func (e entry) there() bool { return e.other != "" || e.plural }

// Load reads the catalogues of the locales from each source, the later over the
// earlier, so that an operator's folder given last replaces single strings. The
// first locale is the one that readers of no offered language get. A source
// need not have every locale, but a file that is there must parse.
func Load(locales []string, sources ...fs.FS) (*Catalog, error) {
	if len(locales) == 0 {
		return nil, errors.New("lang: no locale to offer")
	}
	c := &Catalog{}
	var tags []language.Tag
	for _, locale := range locales {
		tag, err := language.Parse(locale)
		if err != nil {
			return nil, fmt.Errorf("lang: locale %q: %w", locale, err)
		}
		tags = append(tags, tag)
	}
	bundle := i18n.NewBundle(tags[0])
	for i, locale := range locales {
		c.entries = append(c.entries, map[string]entry{})
		for _, source := range append([]fs.FS{words}, sources...) {
			if err := c.read(bundle, source, locale, i); err != nil {
				return nil, err
			}
		}
		if len(c.entries[i]) == 0 {
			return nil, fmt.Errorf("lang: no words for locale %q", locale)
		}
		c.printers = append(c.printers, &Printer{
			catalog: c, tag: tags[i], localizer: i18n.NewLocalizer(bundle, tags[i].String()), entries: c.entries[i],
		})
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// read adds one file of one source. That a source lacks the file is not an error.
func (c *Catalog) read(bundle *i18n.Bundle, source fs.FS, locale string, index int) error {
	name := locale + ".toml"
	text, err := fs.ReadFile(source, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lang: read %s: %w", name, err)
	}
	file, err := i18n.ParseMessageFileBytes(text, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
	if err != nil {
		return fmt.Errorf("lang: parse %s: %w", name, err)
	}
	var plurals []*i18n.Message
	for _, m := range file.Messages {
		if _, seen := c.entries[index][m.ID]; seen {
			c.twice = append(c.twice, locale+": "+m.ID+" is in two catalogues")
		}
		e := entry{other: m.Other, plural: m.One != ""}
		c.entries[index][m.ID] = e
		if e.plural {
			plurals = append(plurals, m)
		}
	}
	if err := bundle.AddMessages(file.Tag, plurals...); err != nil { // a language without rules
		return fmt.Errorf("lang: parse %s: %w", name, err)
	}
	return nil
}

// Tags lists the languages that are offered, the one for everybody else first.
func (c *Catalog) Tags() []string {
	var tags []string
	for _, p := range c.printers {
		tags = append(tags, p.Tag())
	}
	return tags
}

// Missed counts the strings that were asked for and not there, since the start.
// Anything but 0 is a mistake in a template.
func (c *Catalog) Missed() uint64 { return c.missed.Load() }
