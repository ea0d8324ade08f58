package totp_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rsc.io/qr"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
)

func TestTheAddressIsWhatAppsRead(t *testing.T) {
	m := newMethod(noon)
	p := prepare(t, m, countersign.Subject{Identity: "idn_ada", Address: "ada+work@example.com"})
	u, err := url.Parse(p.URI)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"secret": {p.Secret}, "issuer": {"Acme Staff & Co"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Acme Staff & Co:ada+work@example.com" || u.Query().Encode() != want.Encode() {
		t.Errorf("%s, %s, %s, %v", u.Scheme, u.Host, u.Path, u.Query())
	}
	if strings.Count(u.Path, ":") != 1 || strings.Contains(p.URI, "+") || strings.Contains(p.URI, " ") {
		t.Error("a colon, a plus or a space that apps read in different ways")
	}
	for what, s := range map[string]countersign.Subject{
		"Ada":     {Names: []string{"Ada", "ada@example.com"}},
		"account": {},
	} {
		if p := prepare(t, m, s); !strings.Contains(p.URI, ":"+what+"?") {
			t.Errorf("no account called %s: %s", what, strings.Split(p.URI, "?")[0])
		}
	}
	long := countersign.Subject{Address: strings.Repeat("ä", 5000)}
	if p := prepare(t, m, long); len(p.URI) > 2000 {
		t.Errorf("an address of %d bytes", len(p.URI))
	}
}

// picture is the drawing as a browser reads it.
type picture struct {
	XMLName xml.Name `xml:"svg"`
	ViewBox string   `xml:"viewBox,attr"`
	Role    string   `xml:"role,attr"`
	Label   string   `xml:"aria-label,attr"`
	Edges   string   `xml:"shape-rendering,attr"`
	Rect    struct {
		Width  int    `xml:"width,attr"`
		Height int    `xml:"height,attr"`
		Fill   string `xml:"fill,attr"`
	} `xml:"rect"`
	Path struct {
		D      string `xml:"d,attr"`
		Stroke string `xml:"stroke,attr"`
	} `xml:"path"`
}

// Module for module what the library drew, with a border of four, and nothing
// that our Content-Security-Policy would drop.
func TestTheDrawingIsTheAddress(t *testing.T) {
	p := prepare(t, newMethod(noon), ada)
	var got picture
	if err := xml.Unmarshal([]byte(p.Drawing), &got); err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(p.URI, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	side := want.Size + 8
	if got.ViewBox != fmt.Sprintf("0 0 %d %d", side, side) || got.Rect.Width != side || got.Rect.Height != side || got.Rect.Fill != "#fff" || got.Path.Stroke != "#000" {
		t.Errorf("%s, on %d×%d of %s in %s", got.ViewBox, got.Rect.Width, got.Rect.Height, got.Rect.Fill, got.Path.Stroke)
	}
	if got.Role != "img" || got.Label == "" || got.Edges != "crispEdges" {
		t.Errorf("a picture without a name, or blurred: %q %q %q", got.Role, got.Label, got.Edges)
	}
	if bad := regexp.MustCompile(`(?i)style|script|\son|href|url\(`).FindString(p.Drawing); bad != "" {
		t.Errorf("the drawing has %q", bad)
	}
	black := map[[2]int]bool{}
	for run := range strings.SplitSeq(strings.TrimPrefix(got.Path.D, "M"), "M") {
		var x, y, n int
		if _, err := fmt.Sscanf(run, "%d %d.5h%d", &x, &y, &n); err != nil {
			t.Fatalf("%q: %v", run, err)
		}
		for i := range n {
			black[[2]int{x + i, y}] = true
		}
	}
	for y := range side {
		for x := range side {
			if black[[2]int{x, y}] != want.Black(x-4, y-4) {
				t.Fatalf("the module at %d, %d is of the wrong colour", x, y)
			}
		}
	}
}

// sheet stands where a page does: it speaks a language, notes the fields that
// are asked for, and holds what was shown.
type sheet struct {
	*lang.Printer
	Shown  map[string]any
	Fields []string
}

type field string

func (field) May() field { return "" }

func (s *sheet) Field(name, kind, label string, hint ...string) field {
	s.Fields = append(s.Fields, name)
	for _, key := range append(hint, label) {
		if s.T(key) == key {
			s.Fields = append(s.Fields, "no words for "+key)
		}
	}
	return field(kind)
}

func (s *sheet) Drawing(name string) template.HTML {
	text, _ := s.Shown[name].(string)
	return template.HTML(text)
}

func TestTheFormsSayWhatIsToDoInEachLanguage(t *testing.T) {
	m := newMethod(noon)
	words, err := lang.Load([]string{"en", "de"}, m.Files())
	if err != nil {
		t.Fatal(err)
	}
	if gaps := words.Missing(); len(gaps) > 0 {
		t.Errorf("the languages differ: %s", strings.Join(gaps, "; "))
	}
	p := prepare(t, m, ada)
	for _, locale := range []string{"en", "de"} {
		printer := words.Printer(locale)
		for _, key := range []string{"title", "offer", "ask", "choose", "about", "added", "removed", "error.no_match", "error.required", "error.invalid"} {
			if printer.T("totp."+key) == "totp."+key {
				t.Errorf("%s: no words for %s", locale, key)
			}
		}
		s := &sheet{Printer: printer, Shown: map[string]any{"secret": p.Secret, "qr_svg": p.Drawing}}
		if html := rendered(t, m.Files(), "form.html", s); strings.Contains(html, "totp.") || !slices.Equal(s.Fields, []string{"code"}) {
			t.Errorf("%s: to prove: %v\n%s", locale, s.Fields, html)
		}
		s.Fields = nil
		html := rendered(t, m.Files(), "enroll.html", s)
		plain := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(html, "")
		if strings.Contains(html, "totp.") || !slices.Equal(s.Fields, []string{"code", "name"}) || !strings.Contains(html, p.Drawing) {
			t.Errorf("%s: to set up: %v\n%s", locale, s.Fields, html)
		}
		if !strings.Contains(plain, p.Secret) || strings.Count(html, "<wbr>") != 7 {
			t.Errorf("%s: the secret is not copied in one piece", locale)
		}
		if html := rendered(t, m.Files(), "enroll.html", &sheet{Printer: printer}); strings.Contains(html, "<code") {
			t.Errorf("%s: a page that has nothing to show", locale)
		}
		for _, forged := range []any{nil, 1.5, "short", strings.Repeat("a", 5000), []any{"a"}, map[string]any{}} {
			if html := rendered(t, m.Files(), "enroll.html", &sheet{Printer: printer, Shown: map[string]any{"secret": forged}}); strings.Contains(html, "<code") {
				t.Errorf("%s: shown as a secret: %v", locale, forged)
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
