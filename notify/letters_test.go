package notify_test

import (
	"errors"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/notify"
)

var update = flag.Bool("update", false, "write the letters in testdata anew")

// every is all kinds of letters, with the data that each takes.
func every() []countersign.Message {
	code := map[string]string{"code": "12345678", "link": "/verify?token=t0ken-t0ken&x=1", "expires": "2026-11-22T02:36:00Z"}
	address := map[string]string{"address": "ada+new@example.org"}
	list := []countersign.Message{
		message("recover", code), message("sign_up_taken", nil), message("password_changed", nil), message("email_added", address),
		message("email_changed_old", address), message("email_removed", address), message("recovered", nil),
		message("account_deleted", nil), message("test", nil), message("password_added", nil),
		message("phone_added", map[string]string{"address": "+33612345678"}), message("phone_removed", map[string]string{"address": "+33612345678"}),
		message("factor_added", map[string]string{"method": "passkey", "what": "YubiKey 5 <blue>"}),
		message("factor_removed", map[string]string{"method": "passkey"}),
		message("recovery_code_used", map[string]string{"left": "9"}), message("recovery_codes_made", nil),
		message("factor_reset_started", map[string]string{"ready_at": "2026-11-25T02:26:00Z", "link": "/factor-reset/cancel?token=t0ken"}),
		message("factor_reset_done", nil), message("factor_reset_cancelled", nil),
		message("factors_reset_by_admin", map[string]string{"reason": "Ticket 4711, seen in person"}),
		message("new_sign_in", map[string]string{"link": "https://id.example.com/account/not-me?t=abc"}),
	}
	for _, purpose := range []string{"sign_up", "sign_in", "step_up", "add", "verify"} {
		data := map[string]string{"purpose": purpose}
		for k, v := range code {
			data[k] = v
		}
		list = append(list, message("verify_code", data))
	}
	for _, purpose := range []string{"sign_up", "sign_in", "step_up", "add", "recover", "verify"} {
		list = append(list, message("magic_link", map[string]string{
			"purpose": purpose, "link": "/magic-link?token=t0ken-t0ken", "expires": "2026-11-22T02:41:00Z",
		}))
	}
	return list
}

func message(template string, more map[string]string) countersign.Message {
	data := map[string]string{"device": "Chrome on a Mac", "place": "near Lyon, France", "network": "203.0.113.0/24"}
	for k, v := range more {
		data[k] = v
	}
	return countersign.Message{
		ID: "msg_0123456789", Channel: "email", To: "ada@example.com", Template: template, Locale: "en",
		Data: data, CreatedAt: time.Date(2026, 11, 22, 2, 26, 0, 0, time.UTC),
	}
}

func brand() notify.Brand {
	return notify.Brand{Name: "Acme & Söhne", URL: "https://id.example.com", Hue: 265, HelpURL: "https://example.com/help"}
}

func catalog(t testing.TB) *lang.Catalog {
	t.Helper()
	c, err := lang.Load([]string{"en", "de"}, notify.Words(), titles())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// titles are what a method's own catalogue brings.
func titles() fstest.MapFS {
	return fstest.MapFS{
		"en.toml": {Data: []byte("[passkey]\ntitle = \"Passkey\"\n")}, "de.toml": {Data: []byte("[passkey]\ntitle = \"Passkey\"\n")},
	}
}

func letters(t testing.TB) *notify.Letters {
	t.Helper()
	ls, err := notify.NewLetters(brand(), catalog(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

func TestEveryLetterReadsAsItShould(t *testing.T) {
	words := catalog(t)
	ls, err := notify.NewLetters(brand(), words, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range every() {
		for _, locale := range []string{"en", "de"} {
			m.Locale = locale
			r, err := ls.Render(m)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.Trim(m.Template+"_"+m.Data["purpose"], "_") + "." + locale
			golden(t, name+".txt", "Subject: "+r.Subject+"\n\n"+r.Text)
			if m.Template == "verify_code" || m.Template == "new_sign_in" || m.Template == "factor_reset_started" || name == "magic_link_sign_in."+locale {
				golden(t, name+".html", r.HTML)
			}
		}
	}
	if n := words.Missed(); n != 0 {
		t.Errorf("%d strings were missing", n)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

func TestNoWordIsMissingInAnyLanguage(t *testing.T) {
	if gaps := catalog(t).Missing(); len(gaps) > 0 {
		t.Error(strings.Join(gaps, "\n"))
	}
}

// TestTextAndPageSayTheSame reads the page as a reader would and finds every
// line of the text part in it, in the same order.
func TestTextAndPageSayTheSame(t *testing.T) {
	ls := letters(t)
	head := regexp.MustCompile(`(?s)<head>.*</head>`)
	inline := regexp.MustCompile(`</?span[^>]*>`)
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, m := range every() {
		r, err := ls.Render(m)
		if err != nil {
			t.Fatal(err)
		}
		seen := tag.ReplaceAllString(inline.ReplaceAllString(head.ReplaceAllString(r.HTML, ""), ""), " ")
		seen = strings.Join(strings.Fields(html.UnescapeString(seen)), " ")
		seen = strings.TrimPrefix(seen, brand().Name+" ") // the page's first line, in the text part the last
		for line := range strings.Lines(r.Text) {
			line = strings.TrimSuffix(strings.TrimSpace(line), ":")
			_, after, found := strings.Cut(seen, line)
			if !found {
				t.Errorf("%s: the page lacks, or has too early, %q", m.Template, line)
				break
			}
			seen = after
		}
	}
}

func TestTheCodeIsLastInTheSubjectAndWholeInTheBody(t *testing.T) {
	for code, want := range map[string]string{"12345678": "1234 5678", "123456": "123 456", "ABCD": "ABCD"} {
		r, err := letters(t).Render(message("recover", map[string]string{"code": code}))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(r.Subject, ": "+want) {
			t.Errorf("the subject is %q", r.Subject)
		}
		if !strings.Contains(r.Text, "\n"+code+"\n") {
			t.Errorf("the text part does not hold %s in one piece:\n%s", code, r.Text)
		}
		bare := regexp.MustCompile(`</?span[^>]*>`).ReplaceAllString(r.HTML, "")
		if !strings.Contains(bare, ">"+code+"<") {
			t.Errorf("the page does not hold %s in one piece", code)
		}
	}
}

func TestALetterNeedsNothingFromElsewhere(t *testing.T) {
	outside := regexp.MustCompile(`(?i)<(img|link|script|iframe|object|svg)|url\(|@import|@font-face|\ssrc=`)
	for _, m := range every() {
		r, err := letters(t).Render(m)
		if err != nil {
			t.Fatal(err)
		}
		if found := outside.FindString(r.HTML); found != "" {
			t.Errorf("%s loads something: %q", m.Template, found)
		}
		for _, part := range []string{`name="color-scheme" content="light dark"`, "prefers-color-scheme: dark", "max-width:600px"} {
			if !strings.Contains(r.HTML, part) {
				t.Errorf("%s lacks %q", m.Template, part)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	ls := letters(t)
	deny := func(say string, change func(*countersign.Message)) {
		t.Helper()
		m := message("recover", map[string]string{"code": "12345678", "link": "/recover?t=secret-token"})
		change(&m)
		r, err := ls.Render(m)
		if !errors.Is(err, notify.ErrPermanent) {
			t.Errorf("%s: got the subject %q and error %v", say, r.Subject, err)
			return
		}
		if strings.Contains(err.Error(), "secret-token") || strings.Contains(err.Error(), "12345678") {
			t.Errorf("%s: the error shows a secret: %v", say, err)
		}
	}
	deny("a header in the address", func(m *countersign.Message) { m.To = "ada@example.com\r\nBcc: all@example.com" })
	deny("two addresses", func(m *countersign.Message) { m.To = "ada@example.com, eve@example.com" })
	deny("a name before the address", func(m *countersign.Message) { m.To = "Eve <ada@example.com>" })
	deny("a comment in the address", func(m *countersign.Message) { m.To = "ada@example.com (eve)" })
	deny("NUL in the address", func(m *countersign.Message) { m.To = "ada\x00@example.com" })
	deny("no address", func(m *countersign.Message) { m.To = "" })
	deny("a header in the code", func(m *countersign.Message) { m.Data["code"] = "1234\r\nBcc: x" })
	deny("words in the code", func(m *countersign.Message) { m.Data["code"] = "12 34" })
	deny("no code", func(m *countersign.Message) { delete(m.Data, "code") })
	deny("a channel that is not there", func(m *countersign.Message) { m.Channel = "pigeon" })
	for _, link := range []string{
		"https://evil.example/recover?t=secret-token", "//evil.example/secret-token", "http://id.example.com/secret-token",
		"https://id.example.com.evil.example/secret-token", "https://id.example.com@evil.example/secret-token",
		"https://eve@id.example.com/secret-token", "javascript:alert('secret-token')", "/\\evil.example/\x01secret-token", "https://id.example.com:444/secret-token",
	} {
		deny("a link to "+link, func(m *countersign.Message) { m.Data["link"] = link })
	}
}

func TestAKindThatOnlyANewerServerKnowsWaits(t *testing.T) {
	_, err := letters(t).Render(message("from_the_future", nil))
	if err == nil || errors.Is(err, notify.ErrPermanent) {
		t.Errorf("got %v, want an error that may pass", err)
	}
}

func TestWhatStrangersWroteIsTamed(t *testing.T) {
	m := message("new_sign_in", map[string]string{
		"device": "Chrome\r\nBcc: x\u202etxet\x00 <script>alert(1)</script>" + strings.Repeat("x", 1000),
		"place":  "\x07", "network": "",
	})
	r, err := letters(t).Render(m)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Text, "Device: Chrome  Bcc: xtxet <script>") {
		t.Errorf("the device is not on one plain line:\n%s", r.Text)
	}
	if strings.Contains(r.HTML, "<script>") || strings.Contains(r.Text, strings.Repeat("x", 200)) || strings.Contains(r.Text, "Place:") {
		t.Errorf("a stranger's words came through:\n%s", r.Text)
	}
}

func TestALinkStaysOnThePublicURL(t *testing.T) {
	r, err := letters(t).Render(message("password_changed", nil))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Text, "\nhttps://id.example.com/recover\n") {
		t.Errorf("no way back in:\n%s", r.Text)
	}
}

func TestAnOperatorReplacesSingleFiles(t *testing.T) {
	folder := fstest.MapFS{
		"recover.txt":    {Data: []byte(`{{define "subject"}}Hey {{.Code}}{{end}}{{define "body"}}Yours: {{.Code}}{{end}}{{define "end"}}{{end}}`)},
		"recover.de.txt": {Data: []byte(`{{define "subject"}}Hallo {{.Code}}{{end}}{{define "body"}}Ihrer: {{.Code}}{{end}}{{define "end"}}{{end}}`)},
		"en.toml":        {Data: []byte("[mail.test]\nlead = \"It works.\"\n")},
	}
	words, err := lang.Load([]string{"en", "de"}, notify.Words(), folder)
	if err != nil {
		t.Fatal(err)
	}
	ls, err := notify.NewLetters(brand(), words, folder)
	if err != nil {
		t.Fatal(err)
	}
	for locale, want := range map[string]string{"en": "Hey 12345678", "de": "Hallo 12345678"} {
		m := message("recover", map[string]string{"code": "12345678"})
		m.Locale = locale
		r, err := ls.Render(m)
		if err != nil || r.Subject != want || !strings.Contains(r.HTML, "12345678") {
			t.Errorf("%s: %q, %v", locale, r.Subject, err)
		}
	}
	if r, err := ls.Render(message("test", nil)); err != nil || !strings.HasPrefix(r.Text, "It works.\n") {
		t.Errorf("the words were not replaced: %v\n%s", err, r.Text)
	}
}

func TestAMistakeInAnOperatorsFileStopsTheStart(t *testing.T) {
	for _, name := range []string{"test.txt", "test.html", "layout.txt", "test.de.html"} {
		_, err := notify.NewLetters(brand(), catalog(t), fstest.MapFS{name: {Data: []byte("{{.Code")}})
		if err == nil {
			t.Errorf("a broken %s was accepted", name)
		}
	}
}

func TestABrandMustMakeSense(t *testing.T) {
	for say, b := range map[string]notify.Brand{
		"no name":             {URL: "https://id.example.com"},
		"a name of two lines": {Name: "Acme\r\nBcc: x", URL: "https://id.example.com"},
		"no URL":              {Name: "Acme"},
		"a URL of no site":    {Name: "Acme", URL: "mailto:a@example.com"},
	} {
		if _, err := notify.NewLetters(b, catalog(t), nil); err == nil {
			t.Errorf("%s was accepted", say)
		}
	}
}

// FuzzRender feeds every value that a stranger may have had a hand in.
func FuzzRender(f *testing.F) {
	ls := letters(f)
	f.Add("ada@example.com", "12345678", "/verify?t=1", "Chrome on a Mac")
	f.Add("\"a b\"@example.com", "1\r\n2", "//evil.example", "\xff\u202e")
	f.Add("a@[127.0.0.1]", "", "https://id.example.com/%0d%0a", "<b>")
	f.Fuzz(func(t *testing.T, to, code, link, device string) {
		m := message("recover", map[string]string{"code": code, "link": link, "device": device})
		m.To = to
		r, err := ls.Render(m)
		if err != nil {
			return
		}
		if strings.ContainsAny(r.To+r.Subject, "\r\n\x00") {
			t.Errorf("a header could be broken: %q %q", r.To, r.Subject)
		}
		for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(r.HTML, -1) {
			if !strings.HasPrefix(href[1], "https://id.example.com/") && href[1] != "https://id.example.com" {
				t.Errorf("a link leads to %q", href[1])
			}
		}
	})
}
