package address_test

import (
	"strings"
	"testing"

	"github.com/countersign-id/countersign/internal/address"
)

func TestSpellingsOfOneAddressAreOne(t *testing.T) {
	for in, want := range map[string]string{
		"Ada@Example.COM":             "ada@example.com",
		"  ada@example.com ":          "ada@example.com",
		"ada+tag@example.com":         "ada+tag@example.com",
		"jürgen@bücher.example":       "jürgen@xn--bcher-kva.example",
		"ju\u0308rgen@BÜCHER.example": "jürgen@xn--bcher-kva.example",
		"a@localhost":                 "a@localhost",
		"o'neil@example.com":          "o'neil@example.com",
	} {
		if got, ok := address.Email(in); !ok || got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, bad := range []string{
		"", "@", "a@", "@example.com", "ada", "a@b@c.example", "a@b", "a b@example.com", "ada@exa mple.com",
		".a@example.com", "a.@example.com", "a..b@example.com", "ada@example..com", "ada@-example.com", "ada@example.com.",
		"ada@example.com\r\nBcc: eve@example.com", "ada\x00@example.com", "a\"b\"@example.com", "<ada@example.com>",
		"аdа@example.com",       // Cyrillic а between Latin letters
		"ada@ехample.com",       // Cyrillic ех in a Latin name
		"ａda@example.com",       // a full-width letter
		"ada＠example.com",       // a full-width sign
		"ada@example\u2024com",  // one dot leader
		"ad\u200da@example.com", // zero-width joiner
		"ada@[127.0.0.1]",       //
		"\xff@example.com",      //
		strings.Repeat("a", 65) + "@example.com",
		"a@" + strings.Repeat("a", 64) + ".example",
		"a@" + strings.Repeat("a.", 200) + "example",
	} {
		if got, ok := address.Email(bad); ok && got != "ada@example.com" {
			t.Errorf("%q is taken for the address %q", bad, got)
		} else if ok && bad != "ada@example\u2024com" {
			t.Errorf("%q matches ada@example.com", bad)
		}
	}
}

func TestAUsernameLooksLikeNothingElse(t *testing.T) {
	for _, bad := range []string{"", "a", "1a", "ada@example.com", "+491701234567", "ada lovelace", "аda", "-ada", strings.Repeat("a", 65)} {
		if _, ok := address.Username(bad); ok {
			t.Errorf("%q is taken for a username", bad)
		}
	}
	for in, kind := range map[string]string{"Ada.L": "username", "ada@example.com": "email", "+49 (170) 123-4567": "phone"} {
		if got, _, ok := address.Parse(in); !ok || got != kind {
			t.Errorf("%q is a %s, %v; want %s", in, got, ok, kind)
		}
	}
}

func TestMaskHidesTheName(t *testing.T) {
	for in, want := range map[string]string{"ada@example.com": "a•••@example.com", "ünal@example.com": "ü•••@example.com", "lovelace": "lo•••ce", "ada": "•••"} {
		if got := address.Mask(in); got != want {
			t.Errorf("%q is shown as %q", in, got)
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", "ü@bücher.example", "a@b@c", "\x00", "a@xn--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := address.Email(s)
		if !ok {
			return
		}
		if twice, ok := address.Email(once); !ok || twice != once {
			t.Errorf("%q became %q, then %q", s, once, twice)
		}
		if strings.ContainsAny(once, "\r\n\x00 <>\"") {
			t.Errorf("%q holds what a header must not", once)
		}
	})
}
