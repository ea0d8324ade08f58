// Package digits reads digits as people type and paste them: in the script of
// their keyboard, with spaces and dashes between that mean nothing.
package digits

import (
	"strings"
	"unicode"
)

// Fold turns every decimal digit of Unicode, full-width ones too, into ASCII and
// leaves out spaces, dashes and marks that nobody sees. All else stays, so that
// what is no number does not become one. What is over 256 bytes is not looked at.
func Fold(s string) string {
	if len(s) > 256 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case unicode.IsSpace(r), unicode.In(r, unicode.Pd, unicode.Cf), r == '\u2212': // the minus sign
			return -1
		}
		if v, ok := value(r); ok {
			return '0' + v
		}
		return r
	}, s)
}

// value is what a decimal digit of any script counts. Unicode keeps the ten of
// each script together and in order (chapter 4.6), so the place in the run tells.
func value(r rune) (rune, bool) {
	if r <= unicode.MaxASCII {
		return 0, false
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10, true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10, true
		}
	}
	return 0, false
}
