package profile_test

import (
	"strings"
	"testing"

	"github.com/countersign-id/countersign/internal/profile"
)

func TestANameIsTextOnOneLine(t *testing.T) {
	for _, bad := range []string{"a\r\nb", "a\x00", "a\u2028b", "a\u2029b", "\x1b[31m", "\xff", strings.Repeat("a", 201)} {
		if _, ok := profile.Name(bad); ok {
			t.Errorf("%q is taken for a name", bad)
		}
	}
	for in, want := range map[string]string{"": "", "  Ada Lovelace ": "Ada Lovelace", "李雷": "李雷", strings.Repeat("ü", 200): strings.Repeat("ü", 200)} {
		if got, ok := profile.Name(in); !ok || got != want {
			t.Errorf("%q became %q, %v", in, got, ok)
		}
	}
}

func TestALocaleIsALanguageTag(t *testing.T) {
	for _, bad := range []string{"not a language", "en_", "x", strings.Repeat("en-", 20)} {
		if _, ok := profile.Locale(bad); ok {
			t.Errorf("%q is taken for a language", bad)
		}
	}
	for in, want := range map[string]string{"": "", "de-ch": "de-CH", "EN": "en"} {
		if got, ok := profile.Locale(in); !ok || got != want {
			t.Errorf("%q became %q, %v", in, got, ok)
		}
	}
}
