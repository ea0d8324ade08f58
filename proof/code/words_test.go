package code_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/countersign-id/countersign/internal/lang"
)

func TestEveryKindBringsItsFormAndItsWords(t *testing.T) {
	var all []fs.FS
	for _, w := range []way{mailedCode, textedCode, linkAlone} {
		m := w.method(noon)
		all = append(all, m.Files())
		form, err := fs.ReadFile(m.Files(), "form.html")
		if err != nil {
			t.Fatal(err)
		}
		if asks := strings.Contains(string(form), `.Field "code"`); asks != (m.Name() != "magic_link") || !strings.Contains(string(form), `"`+m.Name()+".") {
			t.Errorf("the form of %s: %s", m.Name(), form)
		}
	}
	words, err := lang.Load([]string{"en", "de"}, all...)
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Error(strings.Join(gaps, "\n"))
	}
	facts := []any{"to", "a•••@example.com", "code_minutes", "10", "link_minutes", "15"}
	for _, name := range []string{"email_code", "sms_code", "magic_link"} {
		for _, key := range []string{"title", "offer", "ask", "sent", "about", "error.no_match", "error.required", "error.invalid"} {
			for _, locale := range []string{"en", "de"} {
				if text := words.Printer(locale).T(name+"."+key, facts...); text == name+"."+key || strings.Contains(text, "{") {
					t.Errorf("%s.%s in %s is %q", name, key, locale, text)
				}
			}
		}
	}
	if n := words.Missed(); n != 0 {
		t.Errorf("%d strings were missing", n)
	}
}
