// Package profile says what a person may be called and which language they read:
// the same for whoever asks, the person, an administrator or a sign-up.
package profile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

const (
	longestName   = 200 // code points
	longestLocale = 35  // bytes; RFC 5646 section 4.4.1 asks for no more
)

// Name trims a name and says whether it is one: text on one line, at most 200
// code points, without control characters. It may be empty.
func Name(s string) (string, bool) {
	s = strings.TrimSpace(s)
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	return s, utf8.ValidString(s) && utf8.RuneCountInString(s) <= longestName && !strings.ContainsFunc(s, odd)
}

// Locale gives a language tag in its usual form (BCP 47), and says whether it is one. It may be empty.
func Locale(s string) (string, bool) {
	if s == "" {
		return "", true
	}
	if len(s) > longestLocale {
		return "", false
	}
	tag, err := language.Parse(s)
	return tag.String(), err == nil
}
