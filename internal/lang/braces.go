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

// Parse leaves a string as it is: reading it again each time costs less than
// keeping the pieces of every one.
func (braces) Parse(src, _, _ string) (template.ParsedTemplate, error) { return raw(src), nil }

// raw is a string with its placeholders.
type raw string

// Execute fills the placeholders.
func (r raw) Execute(data any) (string, error) { return data.(*filling).into(string(r)), nil }

// cut gives what is before the first placeholder, its name, and what is after it. A
// brace that is never closed is an ordinary character.
func cut(src string) (before, name, after string, found bool) {
	before, rest, found := strings.Cut(src, "{")
	if found {
		name, after, found = strings.Cut(rest, "}")
	}
	return before, name, after, found
}

// filling is what one call of T inserts, and whether something was not there.
type filling struct {
	values map[string]string
	missed bool
}

func (f *filling) give(name, value string) {
	if f.values == nil {
		f.values = map[string]string{}
	}
	f.values[name] = value
}

// into fills the placeholders of a string.
func (f *filling) into(src string) string {
	var b strings.Builder
	for {
		before, name, after, found := cut(src)
		if !found {
			break
		}
		b.WriteString(before)
		if name != "" {
			value, given := f.values[name]
			if !given {
				f.missed = true
				value = "{" + name + "}"
			}
			b.WriteString(value)
		}
		src = after
	}
	if b.Len() == 0 {
		return src
	}
	return b.String() + src
}

// placeholders returns the names in a string, each once, for Missing.
func placeholders(src string) map[string]bool {
	names := map[string]bool{}
	for {
		_, name, after, found := cut(src)
		if !found {
			return names
		}
		if name != "" {
			names[name] = true
		}
		src = after
	}
}
