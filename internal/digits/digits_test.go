package digits_test

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign-id/countersign/internal/digits"
)

func TestDigitsOfEveryKeyboardAreTheSame(t *testing.T) {
	for in, want := range map[string]string{
		"12345678": "12345678", "１２３４ ５６７８": "12345678", "١٢٣٤٥٦": "123456", "۱۲۳۴۵۶": "123456", "१२३-४५६": "123456", "๑๒๓๔๕๖": "123456",
		" 1234\u00a05678\n": "12345678", "123\u2009456": "123456", "12-34–56—78": "12345678", "1\u20112": "12", "1\u22122": "12", "1\u200b2\ufeff": "12", "\u3000１\u30002": "12",
		"": "", "abc": "abc", "12a4": "12a4", "1.2": "1.2", "½": "½", "²": "²", "①": "①", "一": "一", "\x00": "\x00", "+33": "+33",
	} {
		if got := digits.Fold(in); got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
}

// The table of Unicode must be as value expects it: whole runs of ten.
func TestEveryDecimalDigitHasItsValue(t *testing.T) {
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		n++
		got := digits.Fold(string(r))
		if len(got) != 1 || got[0] < '0' || got[0] > '9' {
			t.Fatalf("%U is read as %q", r, got)
		}
		// Where Unicode itself says which digit it stands for, it is that one.
		if plain := norm.NFKC.String(string(r)); len(plain) == 1 && plain != got {
			t.Errorf("%U is read as %q, stands for %q", r, got, plain)
		}
		if next := digits.Fold(string(r + 1)); got != "9" && next != string(got[0]+1) {
			t.Errorf("after %U, which is %s, comes %q", r, got, next)
		}
	}
	if n < 600 {
		t.Errorf("only %d decimal digits", n)
	}
}

func TestWhatIsFarTooLongIsLeftAlone(t *testing.T) {
	long := strings.Repeat("1 ", 200)
	if got := digits.Fold(long); got != long {
		t.Error("it was read")
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"１２３", "12 34", "\xff", "a\u200b1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := digits.Fold(s)
		if len(once) > len(s) && strings.ToValidUTF8(s, "") == s {
			t.Errorf("%q grew to %q", s, once)
		}
		if len(s) <= 256 && digits.Fold(once) != once {
			t.Errorf("%q became %q, then %q", s, once, digits.Fold(once))
		}
	})
}
