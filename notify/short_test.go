package notify_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/notify"
)

// texted is the same message as a text message.
func texted(m countersign.Message) countersign.Message {
	m.Channel, m.To, m.Data = "sms", "+33612345678", maps.Clone(m.Data)
	return m
}

func smsCode() countersign.Message {
	return texted(message("sms_code", map[string]string{"code": "123456", "expires": "2026-11-22T02:36:00Z"}))
}

func TestATextMessageSaysWhatItMust(t *testing.T) {
	link := texted(message("magic_link", map[string]string{
		"purpose": "sign_in", "link": "/magic-link?token=t0ken", "expires": "2026-11-22T02:41:00Z",
	}))
	one := smsCode()
	one.Data["expires"] = "2026-11-22T02:27:00Z"
	never := smsCode()
	delete(never.Data, "expires")
	ls := letters(t)
	for say, c := range map[string]struct {
		m      countersign.Message
		locale string
		want   string
	}{
		"a code":              {smsCode(), "en", "123456 is your code for Acme & Söhne. It works for 10 minutes. Give it to nobody.\n\n@id.example.com #123456"},
		"a code in German":    {smsCode(), "de", "123456 ist Ihr Code für Acme & Söhne. Er gilt 10 Minuten. Geben Sie ihn niemandem.\n\n@id.example.com #123456"},
		"one minute":          {one, "en", "123456 is your code for Acme & Söhne. It works for 1 minute. Give it to nobody.\n\n@id.example.com #123456"},
		"no time":             {never, "en", "123456 is your code for Acme & Söhne. Give it to nobody.\n\n@id.example.com #123456"},
		"a link":              {link, "en", "Your link to Acme & Söhne:\nhttps://id.example.com/magic-link?token=t0ken\nPass it on to nobody. It works for 15 minutes."},
		"a link in German":    {link, "de", "Ihr Link für Acme & Söhne:\nhttps://id.example.com/magic-link?token=t0ken\nGeben Sie ihn niemandem. Er gilt 15 Minuten."},
		"a notice":            {texted(message("recovery_codes_made", nil)), "en", "Acme & Söhne: New recovery codes were made for your account at Acme & Söhne. Older ones no longer work.\n\nIf that was not you, choose a new password now and then make new recovery codes.\nhttps://id.example.com/recover"},
		"a notice, no link":   {texted(message("account_deleted", nil)), "en", "Acme & Söhne: Your account at Acme & Söhne and everything in it was deleted."},
		"an address's code":   {texted(message("verify_code", map[string]string{"code": "12345678", "purpose": "add"})), "en", "12345678 is your code for Acme & Söhne. Give it to nobody.\n\n@id.example.com #12345678"},
		"through a mail hook": {func() countersign.Message { m := smsCode(); m.Channel, m.To = "message", "ada@example.com"; return m }(), "en", "123456 is your code for Acme & Söhne. It works for 10 minutes. Give it to nobody.\n\n@id.example.com #123456"},
	} {
		c.m.Locale = c.locale
		r, err := ls.Render(c.m)
		if err != nil {
			t.Errorf("%s: %v", say, err)
			continue
		}
		if diff := cmp.Diff(c.want, r.Text); diff != "" {
			t.Errorf("%s:\n%s", say, diff)
		}
		if r.Subject != "" || r.HTML != "" || r.Channel != c.m.Channel || r.To != c.m.To || r.Template != c.m.Template || r.Locale != c.locale {
			t.Errorf("%s: %+v", say, r)
		}
	}
}

// A reader may have no mail address, so every kind must be fit for a text message.
func TestEveryKindCanBeTextedInEveryLanguage(t *testing.T) {
	words := catalog(t)
	ls, err := notify.NewLetters(brand(), words, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(every(), smsCode()) {
		m = texted(m)
		for _, m.Locale = range []string{"en", "de"} {
			r, err := ls.Render(m)
			if err != nil {
				t.Errorf("%s: %v", m.Template, err)
				continue
			}
			if n := utf8.RuneCountInString(r.Text); n < 20 || n > 480 || strings.ContainsAny(r.Text, "{}\r") || strings.Contains(r.Text, "mail."+m.Template) {
				t.Errorf("%s.%s has %d characters:\n%s", m.Template, m.Locale, n, r.Text)
			}
			lines := strings.Split(r.Text, "\n")
			if code := m.Data["code"]; code != "" && lines[len(lines)-1] != "@id.example.com #"+code {
				t.Errorf("%s does not end with the line that binds the code to our site:\n%s", m.Template, r.Text)
			}
		}
	}
	if n := words.Missed(); n != 0 {
		t.Errorf("%d strings were missing", n)
	}
}

// What is shown to be whole elsewhere is whole only if every kind is among it.
func TestEveryKindIsLookedAt(t *testing.T) {
	var seen []string
	for _, m := range append(every(), smsCode()) {
		seen = append(seen, m.Template)
	}
	slices.Sort(seen)
	kinds := notify.Kinds()
	slices.Sort(kinds)
	if diff := cmp.Diff(kinds, slices.Compact(seen)); diff != "" {
		t.Error(diff)
	}
	var files []string
	for _, k := range append(kinds, "layout") {
		if k != "sms_code" {
			files = append(files, k+".html", k+".txt")
		}
	}
	files = append(files, "code.sms.txt", "link.sms.txt", "notice.sms.txt")
	slices.Sort(files)
	list, err := fs.ReadDir(os.DirFS("templates"), ".")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, f := range list {
		have = append(have, f.Name())
	}
	if diff := cmp.Diff(files, have); diff != "" {
		t.Errorf("templates that are missing or that nothing uses:\n%s", diff)
	}
}

func TestATextMessageIsRefusedTo(t *testing.T) {
	ls := letters(t)
	for say, change := range map[string]func(*countersign.Message){
		"an address":                    func(m *countersign.Message) { m.To = "ada@example.com" },
		"a number that is not in E.164": func(m *countersign.Message) { m.To = "+33 6 12 34 56 78" },
		"a premium number":              func(m *countersign.Message) { m.To = "+19005550100" },
		"two numbers":                   func(m *countersign.Message) { m.To = "+33612345678,+33612345679" },
		"nobody":                        func(m *countersign.Message) { m.To = "" },
		"a number by mail":              func(m *countersign.Message) { m.Channel = "email" },
		"a reader by mail":              func(m *countersign.Message) { m.Channel, m.To = "email", "ada@example.com" },
		"a reader by no channel":        func(m *countersign.Message) { m.Channel = "" },
		"a reader without a code":       func(m *countersign.Message) { delete(m.Data, "code") },
		"a code of two lines":           func(m *countersign.Message) { m.Data["code"] = "123456\n@evil.example #1" },
		"a link that leads elsewhere":   func(m *countersign.Message) { m.Data["link"] = "https://evil.example/123456" },
	} {
		m := smsCode()
		change(&m)
		if r, err := ls.Render(m); !errors.Is(err, notify.ErrPermanent) || strings.Contains(err.Error(), "123456") {
			t.Errorf("%s: %q, %v", say, r.Text, err)
		}
	}
}

func TestALetterLacksWhatItIsAbout(t *testing.T) {
	for template, name := range map[string]string{
		"magic_link": "link", "factor_added": "method", "factor_removed": "method", "recovery_code_used": "left", "phone_added": "address",
		"phone_removed": "address", "factors_reset_by_admin": "reason", "factor_reset_started": "ready_at",
	} {
		m := message(template, map[string]string{
			"link": "/x", "method": "passkey", "left": "1", "address": "+33612345678", "reason": "r", "ready_at": "2026-11-25T02:26:00Z",
		})
		if _, err := letters(t).Render(m); err != nil {
			t.Errorf("%s with all of it: %v", template, err)
		}
		m.Data[name] = ""
		if _, err := letters(t).Render(m); !errors.Is(err, notify.ErrPermanent) {
			t.Errorf("%s without %s: %v", template, name, err)
		}
	}
}

// A factor's name is its owner's, and a thief's while the thief is in.
func TestWhatAFactorIsCalledIsTamed(t *testing.T) {
	m := message("factor_added", map[string]string{"method": "passkey", "what": "x\r\nhttps://evil.example\u202e" + strings.Repeat("y", 500)})
	r, err := letters(t).Render(m)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.Text, "\nhttps://evil") || strings.Contains(r.Text, strings.Repeat("y", 200)) || strings.Contains(r.HTML, `href="https://evil`) {
		t.Error(r.Text)
	}
	m = message("factors_reset_by_admin", map[string]string{"reason": "x\r\nhttps://evil.example\u202e" + strings.Repeat("y", 500)})
	if r, err = letters(t).Render(m); err != nil || strings.Contains(r.Text, "\nhttps://evil") || strings.Contains(r.Text, strings.Repeat("y", 400)) {
		t.Errorf("%v\n%s", err, r.Text)
	}
	m = message("factor_added", map[string]string{"method": "own_way"}) // of a program that has no words for it
	if r, err = letters(t).Render(m); err != nil || !strings.Contains(r.Text, ": own way.") {
		t.Errorf("%v\n%s", err, r.Text)
	}
}

func TestAnOperatorReplacesATextMessage(t *testing.T) {
	folder := fstest.MapFS{"code.sms.de.txt": {Data: []byte("{{.Brand.Name}}: {{.Code}}")}}
	ls, err := notify.NewLetters(brand(), catalog(t), folder)
	if err != nil {
		t.Fatal(err)
	}
	m := smsCode()
	m.Locale = "de"
	if r, err := ls.Render(m); err != nil || r.Text != "Acme & Söhne: 123456" {
		t.Errorf("%q, %v", r.Text, err)
	}
	m.Locale = "en"
	if r, err := ls.Render(m); err != nil || !strings.HasPrefix(r.Text, "123456 is your code") {
		t.Errorf("%q, %v", r.Text, err)
	}
	for _, name := range []string{"code.sms.txt", "link.sms.txt", "notice.sms.de.txt"} {
		if _, err := notify.NewLetters(brand(), catalog(t), fstest.MapFS{name: {Data: []byte("{{.Code")}}); err == nil {
			t.Errorf("a broken %s was accepted", name)
		}
	}
}

// FuzzRenderShort feeds every value that a stranger may have had a hand in.
func FuzzRenderShort(f *testing.F) {
	ls := letters(f)
	f.Add("+33612345678", "123456", "/magic-link?t=1", "YubiKey")
	f.Add("+33 6", "1\n@evil.example #2", "//evil.example", "\xff\u202e\n@evil.example #2")
	last := regexp.MustCompile(`\n@\S+ #\S+$`)
	f.Fuzz(func(t *testing.T, to, code, link, what string) {
		for _, template := range []string{"sms_code", "magic_link", "factor_added", "factors_reset_by_admin"} {
			m := message(template, map[string]string{"code": code, "link": link, "method": what, "what": what, "reason": what})
			m.Channel, m.To = "sms", to
			r, err := ls.Render(m)
			if err != nil {
				continue
			}
			if strings.Trim(r.To, "+0123456789") != "" || strings.ContainsAny(r.Text, "\r\x00") {
				t.Errorf("to %q: %q", r.To, r.Text)
			}
			if bound := last.FindString(r.Text); bound != "" && !strings.HasPrefix(bound, "\n@id.example.com #") {
				t.Errorf("a code for another site: %q", r.Text)
			}
		}
	})
}
