package strength

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// mostBytes bounds what Normalize looks at. 256 code points of NFC never come from more: the worst is Hangul taken apart,
// nine bytes each.
const mostBytes = MaxLength * 12

// ErrNotText is the answer to a password that is not text: invalid UTF-8, or with control characters.
var ErrNotText = errors.New("strength: password is not text")

var errTooLong = errors.New("strength: password is too long")

// Normalize gives the form of a password that is judged and hashed: spaces of any kind become U+0020, and the whole is in
// Unicode normalisation form C, so that one password typed on two systems is one password (RFC 8265, OpaqueString).
// Case and everything else stay. Controls are refused, as there; format characters are not, because
// emoji and several scripts need them. The error is ErrNotText or tells that the text is far beyond MaxLength.
func Normalize(password string) (string, error) {
	if len(password) > mostBytes {
		return "", errTooLong
	}
	if !utf8.ValidString(password) {
		return "", ErrNotText
	}
	// Spaces first and normalisation last, in the order of RFC 8265 section 4.2.2: no mapping may undo the form.
	bad := false
	spaced := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			bad = true
		case unicode.Is(unicode.Zs, r):
			return ' '
		}
		return r
	}, password)
	if bad {
		return "", ErrNotText
	}
	return norm.NFC.String(spaced), nil
}

// letter is one code point of a password, as it is and in lower case. Both keep their place, which a
// case folding of the whole text would not.
type letter struct{ is, low rune }

func fold(s string) []letter {
	var text []letter
	for _, r := range s {
		text = append(text, letter{r, unicode.ToLower(r)})
	}
	return text
}
