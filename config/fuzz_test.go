package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// No file may crash Load; a mistake is a list of single lines; what is accepted
// can be shown, and what is shown means the same.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\ufeff[server]\r\nlisten = '127.0.0.1:9000'\r\n[server.tls]\nautocert_domains = [ # c\n'a.example' ]\n"))
	f.Add([]byte("server = { listen = ':1', tls = { cert = '/c', key = '/k' } }\nsession.\"idle\" = '1d'\n"))
	f.Add([]byte("[[a]]\n[a.b]\nc = [[1, {d = 1}], 1979-05-27T07:32:00Z, inf]\n"))
	f.Add([]byte("[limits]\nsend_per_address = '1/1m,5/1h'\n[proxy]\ntrusted = ['::/0', '10.0.0.1/8']\n"))
	f.Add([]byte("keys.seal = 'file:c.toml'\nserver.name = 'file:'\npassword.queue = 0x_1\n"))
	f.Add([]byte("server.public_url = 'http://[::1%25eth0]:80/'\nnotify.smtp.url = 'smtp://a:b@c'\n\"\\u0000\" = 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := load(string(text), nil, nil, nil)
		var all Problems
		if err != nil && (!errors.As(err, &all) || len(all) == 0) {
			t.Fatalf("not a list of problems: %v", err)
		}
		for _, p := range all {
			if p.Wrong == "" || p.Try == "" || strings.ContainsAny(p.Error(), "\n\r") {
				t.Fatalf("not a line with a cure: %q", p.Error())
			}
		}
		var first, second bytes.Buffer
		if err := c.Show(&first, false); err != nil {
			t.Fatal(err)
		}
		if err != nil || strings.Contains(first.String(), "hidden") || strings.Contains(first.String(), "\"file:") {
			return // what is hidden cannot be read back
		}
		again, err := load(first.String(), nil, nil, nil)
		if err != nil {
			t.Fatalf("what Show wrote is refused: %v\n%s", err, first.String())
		}
		if err := again.Show(&second, false); err != nil {
			t.Fatal(err)
		}
		if a, b := values(first.String()), values(second.String()); a != b {
			t.Fatalf("read back as another config:\n%s\n%s", a, b)
		}
	})
}

func FuzzLimit(f *testing.F) {
	for _, s := range []string{"20/1h", "1/1m,5/1h", " 1/1d , 2/2d", "1/1s,,", "1//", "4294967296/1h", "1/9223372036s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l, again Limit
		if l.UnmarshalText([]byte(text)) != nil {
			return
		}
		for _, r := range l {
			if r.Count <= 0 || r.Per <= 0 {
				t.Fatalf("%q allows %v", text, r)
			}
		}
		if err := again.UnmarshalText([]byte(l.String())); err != nil || again.String() != l.String() {
			t.Fatalf("%q is written as %s and read as %s, %v", text, l, again, err)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"smtp://u:p@h:1?x=y#z", "sqlite:a?b", "https://a@b/c@d", "x:y@z", "postgres://%41:b@/d?host=/tmp", "//h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var u URL
		if u.UnmarshalText([]byte(text)) != nil || u.Empty() {
			return
		}
		if u.Reveal() != text {
			t.Fatalf("%q is revealed as %q", text, u.Reveal())
		}
		if p, has := u.URL().User.Password(); has && len(p) > 8 && strings.Contains(u.String(), p) && u.URL().User.Username() != p && strings.Count(text, p) == 1 {
			t.Fatalf("%q shows its password: %s", text, u)
		}
	})
}
