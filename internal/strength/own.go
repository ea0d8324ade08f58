package strength

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	shortestOwn = 4  // shorter parts, such as "de", "com" and "eva", are in too many good passwords
	mostOwn     = 32 // parts looked at; a name of hundreds of parts must not buy time
	longestOwn  = 64
)

// ownParts cuts names and addresses into their words, in lower case, longest first, without doubles: "Eva Lopez",
// "eva.lopez@mail.example" give "example", "lopez", "mail". Each text is there as a whole too, with its separators and without.
func ownParts(own []string) [][]rune {
	var words []string
	for _, text := range own {
		normal, err := Normalize(text)
		if err != nil {
			continue // a name that is not text cannot be part of a password, which must be
		}
		local, _, _ := strings.Cut(normal, "@")
		split := strings.FieldsFunc(strings.ToLower(normal), isSeparator)
		words = append(words, strings.ToLower(normal), strings.Join(split, ""), strings.Join(strings.FieldsFunc(strings.ToLower(local), isSeparator), ""))
		words = append(words, split...)
	}
	words = slices.DeleteFunc(words, func(w string) bool {
		n := utf8.RuneCountInString(w)
		return n < shortestOwn || n > longestOwn
	})
	slices.SortFunc(words, func(a, b string) int {
		if d := utf8.RuneCountInString(b) - utf8.RuneCountInString(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	words = slices.Compact(words)
	var parts [][]rune
	for _, w := range words[:min(len(words), mostOwn)] {
		parts = append(parts, []rune(w))
	}
	return parts
}

func isSeparator(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// madeOf tells whether text is built from names: it contains one, and what is left without them is shorter than a
// password must be. A long phrase that happens to contain "anna" is not built from it. text itself has the least length,
// so that a text without any of them is never made of them.
func madeOf(text []letter, names [][]rune, least int) bool {
	rest := make([]rune, 0, len(text))
	for _, l := range text {
		rest = append(rest, l.low)
	}
	for _, name := range names {
		for i := 0; i+len(name) <= len(rest); {
			if slices.Equal(rest[i:i+len(name)], name) {
				rest = slices.Delete(rest, i, i+len(name))
				continue
			}
			i++
		}
	}
	return len(rest) < least
}
