package address_test

import (
	"strings"
	"testing"

	"github.com/countersign-id/countersign/internal/address"
)

func TestSpellingsOfOneNumberAreOne(t *testing.T) {
	for in, want := range map[string]string{
		"+33 6 12 34 56 78":                          "+33612345678",
		"0033 6 12 34 56 78":                         "+33612345678",
		"+33.6.12.34.56.78":                          "+33612345678",
		"+33 (0)6 12 34 56 78":                       "+33612345678",
		"(+33) 6-12-34-56-78":                        "+33612345678",
		"00 33 (0) 612 345 678":                      "+33612345678",
		"＋３３ ６１２３４５６７８":                              "+33612345678",
		"+٣٣٦١٢٣٤٥٦٧٨":                               "+33612345678",
		"\u202a+33612345678\u202c":                   "+33612345678", // as copied from an address book
		"+33\u00a06\u00a012\u00a034\u00a056\u00a078": "+33612345678",
		"+1 (212) 555-0100":                          "+12125550100",
		"+1/212/555.0100":                            "+12125550100",
		"+44 (0)7911 123456":                         "+447911123456",
		"+49 170 1234567":                            "+491701234567",
		"+39 06 1234 5678":                           "+390612345678", // Italy dials its 0
		"+39 (0)6 1234 5678":                         "+390612345678",
		"+225 07 12345678":                           "+2250712345678",
		"+8801712345678":                             "+8801712345678",
		"+8816 1234 5678":                            "+881612345678", // a satellite
		"+298 123456":                                "+298123456",
		"+500 12345":                                 "+50012345",
	} {
		if got, ok := address.Phone(in); !ok || got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, ok, want)
		}
		if kind, key, ok := address.Parse(in); !ok && !strings.HasPrefix(in, "\u202a") || ok && (kind != address.PhoneKind || key != want) {
			t.Errorf("%q is the %s %q, %v", in, kind, key, ok)
		}
	}
}

func TestWhatIsNoNumberIsRefused(t *testing.T) {
	for say, bad := range map[string]string{
		"nothing": "", "a plus": "+", "two zeros": "00", "only spaces": "+   ",
		"no prefix":                        "0612345678",
		"no prefix, though long":           "33612345678",
		"letters":                          "+1 800 FLOWERS",
		"an extension":                     "+12125550100 x12",
		"an extension after a comma":       "+12125550100,12",
		"two numbers":                      "+33612345678;+33612345679",
		"two plus signs":                   "++33612345678",
		"a plus in the middle":             "+336+12345678",
		"plus and 00":                      "+0033612345678",
		"a calling code of nobody":         "+999 12345678",
		"a calling code that was given up": "+210 12345678",
		"seven digits":                     "+5001234",
		"sixteen digits":                   "+4912345678901234",
		"too short for its country":        "+3361234567",
		"too long for its country":         "+336123456789",
		"the 0 of the country":             "+330612345678",
		"an area code of 0":                "+1 012 555 0100",
		"an area code of 1":                "+1 112 555 0100",
		"an exchange of 0":                 "+1 212 055 0100",
		"premium in America":               "+1 900 555 0100",
		"freephone in America":             "+1 888 555 0100",
		"freephone everywhere":             "+800 1234 5678",
		"premium everywhere":               "+979 123 456 789",
		"a zero byte":                      "+3361234\x005678",
		"a line break with a header":       "+33612345678\r\nX: y",
		"no UTF-8":                         "+33612345678\xff",
		"a fraction":                       "+3361234567½",
		"numbers in circles":               "+3361234567①",
		"a chinese digit":                  "+3361234567八",
		"a tel URI":                        "tel:+33612345678",
		"an address":                       "+33612345678@example.com",
		"far too long":                     "+" + strings.Repeat(" ", 100) + "33612345678",
	} {
		if got, ok := address.Phone(bad); ok || got != "" {
			t.Errorf("%s: %q is taken for the number %q", say, bad, got)
		}
		if kind, key, ok := address.Parse(bad); ok && kind == address.PhoneKind {
			t.Errorf("%s: %q is the number %q", say, bad, key)
		}
	}
}

func TestACountryIsFoundWhereSeveralShareACode(t *testing.T) {
	for number, want := range map[string]string{
		"+33612345678": "FR", "+12125550100": "US", "+14165550100": "CA", "+18765550100": "JM", "+12425550100": "BS", "+17875550100": "PR",
		"+79161234567": "RU", "+77011234567": "KZ", "+447400123456": "GB", "+447781123456": "GG", "+447797123456": "JE", "+447624123456": "IM",
		"+390612345678": "IT", "+390669812345": "VA", "+262692123456": "RE", "+262639123456": "YT", "+881612345678": "001", "+38349123456": "XK",
		"+19005550100": "", "+99912345678": "", "33612345678": "", "": "", "+": "", "+0": "", "\xff": "",
	} {
		if got := address.Country(number); got != want {
			t.Errorf("%s is of %q, want %q", number, got, want)
		}
	}
}

func TestMaskShowsTheEndOfANumberOnly(t *testing.T) {
	for in, want := range map[string]string{
		"+33612345678": "+33 •••• 78", "+12125550100": "+1 •••• 00", "+2250712345678": "+225 •••• 78", "0033 6 12 34 56 78": "+33 •••• 78",
		"+999123456789": "+9•••89", // no number, yet masked
	} {
		if got := address.Mask(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+33 6 12 34 56 78", "0033612345678", "+33 (0)6", "＋３３", "(0)", "+1", "00", "\xff+", "+(0)(0)39"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := address.Phone(s)
		if !ok {
			if once != "" {
				t.Errorf("%q is refused and became %q", s, once)
			}
			return
		}
		if twice, ok := address.Phone(once); !ok || twice != once {
			t.Errorf("%q became %q, then %q", s, once, twice)
		}
		if len(once) < 9 || len(once) > 16 || once[0] != '+' || strings.Trim(once[1:], "0123456789") != "" || address.Country(once) == "" {
			t.Errorf("%q became %q", s, once)
		}
		address.Mask(s)
	})
}
