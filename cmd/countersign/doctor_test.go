package main

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// wanders gives these times, then the last one again and again.
func wanders(times ...time.Time) func() time.Time {
	return func() time.Time {
		now := times[0]
		if len(times) > 1 {
			times = times[1:]
		}
		return now
	}
}

func states(v *visit) (s string) {
	for _, f := range v.findings {
		s += f.Check + " " + f.State + ";"
	}
	return s
}

func TestTheClock(t *testing.T) {
	begin := time.Now()
	for what, c := range map[string]struct {
		end  time.Time
		want string
	}{
		"a sound one":         {begin.Add(time.Second), "clock ok;"},
		"set back, years ago": {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "clock fail;"},
	} {
		v := &visit{now: wanders(c.end)}
		start := begin
		if what != "a sound one" {
			start = c.end // both wrong: nothing stepped
		}
		if v.clock(start); states(v) != c.want {
			t.Errorf("%s: %s", what, states(v))
		}
	}
}

func TestCertificates(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, c := range []struct {
		begin, end time.Duration
		host       string
		want       string
	}{
		{-day, 60 * day, "id.example.com", "TLS ok;"},
		{-day, 20 * day, "id.example.com", "TLS warn;"},
		{-day, 0, "id.example.com", "TLS fail;"},
		{day, 60 * day, "id.example.com", "TLS fail;"},
		{-day, 60 * day, "www.example.com", "TLS ok;TLS fail;"},
	} {
		v := &visit{now: wanders(now)}
		v.certificate("TLS", &x509.Certificate{NotBefore: now.Add(c.begin), NotAfter: now.Add(c.end), DNSNames: []string{"id.example.com"}}, c.host)
		if got := states(v); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestWideNetworks(t *testing.T) {
	for text, want := range map[string]bool{
		"10.0.0.0/8": false, "127.0.0.1/32": false, "64.0.0.0/2": true, "10.0.0.0/7": true,
		"2001:db8::/32": false, "fd00::/8": true, "::1/128": false,
	} {
		if wide(netip.MustParsePrefix(text)) != want {
			t.Errorf("%s: wide is %t", text, !want)
		}
	}
}

func TestWhatPasskeysBelongTo(t *testing.T) {
	for _, c := range []struct{ public, rp, want string }{
		{"https://id.example.com", "", "passkeys ok;"},
		{"https://id.example.com", "example.com", "passkeys ok;"},
		{"https://id.example.com:8443", "id.example.com", "passkeys ok;"},
		{"http://localhost:8440", "", "passkeys ok;"},
		{"http://id.localhost:8440", "", "passkeys ok;"},
		{"https://id.example.com", "www.example.com", "passkeys fail;"},
		{"https://id.example.com", "d.example.com", "passkeys fail;"},
		{"https://id.example.com", "other.example", "passkeys fail;"},
		{"https://id.example.com", "com", "passkeys fail;"},
		{"http://id.example.com", "", "passkeys fail;"},
		{"http://127.0.0.1:8440", "", "passkeys warn;"},
		{"http://[::1]:8440", "", "passkeys warn;"},
	} {
		public, err := url.Parse(c.public)
		if err != nil {
			t.Fatal(err)
		}
		v := &visit{}
		if v.domain(public, c.rp); states(v) != c.want {
			t.Errorf("%s, %q: %s", c.public, c.rp, states(v))
		}
	}
}
