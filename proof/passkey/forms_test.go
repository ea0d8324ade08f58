package passkey_test

import (
	"bytes"
	"encoding/json"
	"html/template"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
)

// sheet stands where a page does: it speaks a language, notes the fields that
// are asked for, and holds what was shown.
type sheet struct {
	*lang.Printer
	Shown  map[string]any
	Fields []string
}

// field is one input of it.
type field struct {
	*lang.Printer
	ID, Name, Error string
}

func (f field) May() field { return f }

func (s *sheet) Field(name, kind, label string, hint ...string) field {
	s.Fields = append(s.Fields, name)
	for _, key := range append(hint, label) {
		if s.T(key) == key {
			s.Fields = append(s.Fields, "no words for "+key)
		}
	}
	return field{Printer: s.Printer, ID: "main-" + name, Name: name, Error: "a mistake"}
}

func (s *sheet) Icon(string) template.HTML { return "" }

var script = regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`)

// The page's script reads the options where the form holds them. They are data
// there: nothing in a name that somebody chose can end the element.
func TestTheFormsBringTheOptionsToTheBrowserInEachLanguage(t *testing.T) {
	m := newMethod(t)
	words, err := lang.Load([]string{"en", "de"}, m.Files())
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Errorf("the languages differ: %s", strings.Join(gaps, "; "))
	}
	s := ada()
	s.Names[0] = `</script><script>alert(1)</script><!--`
	get, _ := asked(t, m, s)
	create, _ := prepared(t, m, s)
	for _, locale := range []string{"en", "de"} {
		printer := words.Printer(locale)
		for _, key := range []string{"title", "offer", "ask", "choose", "about", "added", "removed", "error.no_match", "error.required", "error.invalid", "error.already", "error.not_allowed"} {
			if printer.T("passkey."+key) == "passkey."+key {
				t.Errorf("%s: no words for %s", locale, key)
			}
		}
		for name, c := range map[string]struct {
			challenge countersign.Challenge
			fields    []string
			kind      string
		}{"form.html": {get, []string{"response"}, "get"}, "enroll.html": {create, []string{"response", "mediation", "name"}, "create"}} {
			page := &sheet{Printer: printer}
			if err := json.Unmarshal(c.challenge.Show, &page.Shown); err != nil {
				t.Fatal(err)
			}
			html := rendered(t, m.Files(), name, page)
			if regexp.MustCompile(`passkey\.[a-z]`).MatchString(html) || !slices.Equal(page.Fields, c.fields) || !strings.Contains(html, `data-passkey="`+c.kind+`"`) ||
				!strings.Contains(html, "<noscript>") || !strings.Contains(html, "a mistake") {
				t.Errorf("%s in %s: %v\n%s", name, locale, page.Fields, html)
			}
			found := script.FindAllStringSubmatch(html, -1)
			if len(found) != 1 {
				t.Fatalf("%s: %d scripts\n%s", name, len(found), html)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(found[0][1]), &got); err != nil {
				t.Fatalf("%s: %v in %s", name, err, found[0][1])
			}
			if diff := cmp.Diff(page.Shown, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

func rendered(t *testing.T, files fs.FS, name string, data any) string {
	t.Helper()
	root := template.Must(template.New("").Parse(`{{define "field"}}<input>{{end}}`))
	if _, err := root.ParseFS(files, name); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := root.ExecuteTemplate(&b, name, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
