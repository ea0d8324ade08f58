package address

import (
	"strings"

	"github.com/countersign-id/countersign/internal/digits"
)

// signs are what people write between the digits of a number, besides spaces and dashes.
var signs = strings.NewReplacer("＋", "+", "（", "(", "）", ")", "．", ".", "／", "/", "·", ".")

// Phone returns a number in E.164: a plus, a calling code that exists and a
// national number of a length that its country has, 8 to 15 digits in all. It
// takes the international prefix 00 for the plus, and leaves out the "(0)" that
// people put after the calling code. A number without plus and 00 is no number here:
// we do not guess whose country was meant.
func Phone(s string) (string, bool) {
	if len(s) > 64 {
		return "", false
	}
	s = digits.Fold(signs.Replace(s))
	bare := strings.NewReplacer("(", "", ")", "", ".", "", "/", "")
	if code := callingCode(strings.TrimLeft(bare.Replace(s), "+0")); code != "39" && code != "378" { // there the 0 is dialled
		s = strings.Replace(s, "(0)", "", 1)
	}
	s = bare.Replace(s)
	number, found := strings.CutPrefix(s, "+")
	if !found {
		number, found = strings.CutPrefix(s, "00")
	}
	if !found || len(number) < 8 || len(number) > 15 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	code := callingCode(number)
	p, exists := plans[code]
	if rest := number[len(code):]; !exists || len(rest) < p.min || len(rest) > p.max || code == "1" && (rest[0] < '2' || rest[3] < '2') {
		return "", false
	}
	if Country("+"+number) == "" {
		return "", false
	}
	return "+" + number, true
}

// Country returns the ISO 3166-1 code of the country that a number in E.164
// belongs to, "001" for satellites and networks of no country, and "" for what
// is nobody's number. Where several countries share a calling code it looks
// further, for the price of a message differs among them by a hundred times.
func Country(number string) string {
	number, found := strings.CutPrefix(number, "+")
	if !found {
		return ""
	}
	for n := min(7, len(number)); n > 1; n-- {
		if c, ok := within[number[:n]]; ok {
			return c
		}
	}
	return plans[callingCode(number)].country
}

// callingCode is the calling code that digits begin with, "" when there is
// none. No code begins another, so that the first is the one.
func callingCode(number string) string {
	for n := 1; n <= min(3, len(number)); n++ {
		if _, ok := plans[number[:n]]; ok {
			return number[:n]
		}
	}
	return ""
}

// maskPhone shows the calling code and the last two digits: "+33 •••• 78".
func maskPhone(number string) string {
	return "+" + callingCode(number[1:]) + " •••• " + number[len(number)-2:]
}
