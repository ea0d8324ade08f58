package lang

import (
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// braces parses strings with {placeholders} for go-i18n, in place of Go
// templates: a catalogue is data, so that a translator or an operator who edits
// one can spoil a word but can neither loop nor call anything.
type braces struct{}

// Cacheable says that a parsed string holds nothing of the call it was parsed for.
func (braces) Cacheable() bool { return true }

// Parse cuts a string into its words and its placeholders. A brace that is
// never closed is an ordinary character.
func (braces) Parse(src, _, _ string) (template.ParsedTemplate, error) {
	var parts pieces
	for {
		start := strings.IndexByte(src, '{')
		if start < 0 {
			break
		}
		end := strings.IndexByte(src[start:], '}')
		if end < 0 {
			break
		}
		parts = append(parts, piece{before: src[:start], name: src[start+1 : start+end]})
		src = src[start+end+1:]
	}
	return append(parts, piece{before: src}), nil
}

// piece is some text and the placeholder after it; the last has none.
type piece struct {
	before, name string
}

type pieces []piece

// filling is what one call of T inserts, and whether something was not given.
type filling struct {
	values map[string]string
	missed bool
}

// Execute fills the placeholders.
func (ps pieces) Execute(data any) (string, error) {
	if len(ps) == 1 {
		return ps[0].before, nil
	}
	f := data.(*filling)
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.before)
		if p.name == "" {
			continue
		}
		value, given := f.values[p.name]
		if !given {
			f.missed = true
			value = "{" + p.name + "}"
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// placeholders returns the names in a string, each once, for Missing.
func placeholders(src string) map[string]bool {
	parsed, _ := braces{}.Parse(src, "", "")
	names := map[string]bool{}
	for _, p := range parsed.(pieces) {
		if p.name != "" {
			names[p.name] = true
		}
	}
	return names
}
