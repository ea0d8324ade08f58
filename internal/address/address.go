// Package address reads what people type to say who they are: e-mail addresses
// (RFC 5321, without quoted local parts), usernames and phone numbers. Two
// spellings of one address become equal; look-alikes from other scripts never do.
package address

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// The kinds of identifier.
const (
	EmailKind    = "email"
	UsernameKind = "username"
	PhoneKind    = "phone"
)

// domains follows IDNA 2008 as browsers apply it (UTS 46, non-transitional),
// with the length and bidi rules that a registry would apply.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// Parse says what kind of identifier it is and gives its canonical form;
// ok is false when it can be none.
func Parse(s string) (kind, key string, ok bool) {
	s = strings.TrimSpace(s)
	switch {
	case strings.Contains(s, "@") || strings.Contains(s, "＠"):
		key, ok = Email(s)
		return EmailKind, key, ok
	case dialled(s):
		key, ok = Phone(s)
		return PhoneKind, key, ok
	default:
		key, ok = Username(s)
		return UsernameKind, key, ok
	}
}

// Email returns the canonical form of an address: NFC, lower-cased, its domain
// in ASCII (punycode). Encoded words (RFC 2047), which a mail program may read as
// another address, are refused. Local parts are limited to letters, digits and the signs
// that real ones have; they hold no mix of scripts, so that a Cyrillic "а"
// among Latin letters is refused rather than shown.
func Email(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 320 || !utf8.ValidString(s) {
		return "", false
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || strings.Contains(domain, "@") || local == "" || len(domain) > 253 {
		return "", false
	}
	local = strings.ToLower(norm.NFC.String(local))
	if len(local) > 64 || !wordy(local, "!#$%&'*+-/=?^_`{|}~.") || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") || strings.Contains(local, "=?") || mixed(local) {
		return "", false
	}
	domain, err := domains.ToASCII(domain)
	if err != nil || !strings.Contains(domain, ".") && domain != "localhost" || strings.HasSuffix(domain, ".") || mixedDomain(domain) {
		return "", false
	}
	return local + "@" + domain, true
}

// Username returns the canonical form of a username: 2 to 64 ASCII letters,
// digits, dots, hyphens and underscores, beginning with a letter. It can look
// neither like an address nor like a number.
func Username(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) < 2 || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return "", false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return "", false
		}
	}
	return s, true
}

// Mask shows enough of an address that its owner knows it: "a•••@example.com",
// "+33 •••• 78".
// It is made from what was typed, so it tells nothing about what is stored.
func Mask(address string) string {
	local, domain, found := strings.Cut(address, "@")
	if !found {
		if number, ok := Phone(address); ok {
			return maskPhone(number)
		}
		if len(address) > 4 {
			return address[:2] + "•••" + address[len(address)-2:]
		}
		return "•••"
	}
	_, size := utf8.DecodeRuneInString(local)
	return local[:size] + "•••@" + domain
}

// dialled reports whether it begins as a number does, which no username can.
func dialled(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("+＋(（", r) || unicode.IsDigit(r)
}

func wordy(s, signs string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune(signs, r) {
			return false
		}
	}
	return true
}

// mixed reports whether letters come from more than one script. Japanese and
// Korean write with several, so those may stand together, but not with Latin look-alikes' scripts.
func mixed(s string) bool {
	var latin, greek, cyrillic, other bool
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r):
			// Fullwidth and other compatibility letters look like ASCII and are not.
			if norm.NFKC.String(string(r)) != string(r) {
				return true
			}
			latin = true
		case unicode.Is(unicode.Greek, r):
			greek = true
		case unicode.Is(unicode.Cyrillic, r):
			cyrillic = true
		default:
			other = true
		}
	}
	n := 0
	for _, b := range []bool{latin, greek, cyrillic, other} {
		if b {
			n++
		}
	}
	return n > 1
}

func mixedDomain(ascii string) bool {
	for label := range strings.SplitSeq(ascii, ".") {
		if strings.HasPrefix(label, "xn--") {
			u, err := idna.Lookup.ToUnicode(label)
			if err != nil || mixed(u) {
				return true
			}
		}
	}
	return false
}
