package device

import (
	"strings"
	"testing"
)

func TestDevicesAreNamedAsPeopleSayThem(t *testing.T) {
	for ua, want := range map[string]string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                   "Chrome on a Mac",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                   "Safari on a Mac",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                        "Firefox on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1": "Safari on an iPhone",
		"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1":          "Safari on an iPad",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":                   "Chrome on an Android phone",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                          "Chrome on a Chromebook",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36":                           "Chrome on Linux",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                                "A robot",
		"curl/8.11.0":            "curl",
		"Go-http-client/1.1":     "A Go program",
		"python-requests/2.32.3": "A Python program",
		"":                       "An unknown device",
		"x":                      "An unknown device",
		"Your account is blocked, call +1 555 0100": "An unknown device",
		"<script>alert(1)</script>":                 "An unknown device",
		"curl/8.11.0\r\nX: y":                       "An unknown device",
		"\xff\xfe":                                  "An unknown device",
	} {
		if got := Name(ua); got != want {
			t.Errorf("%q is %q, want %q", ua, got, want)
		}
	}
}

// FuzzName sends anything: the name is short, printable, and holds nothing that
// a stranger wrote.
func FuzzName(f *testing.F) {
	f.Add("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/131.0.0.0 Mobile Safari/537.36")
	f.Add(strings.Repeat("(", 600))
	f.Add("Mozilla/5.0 (iPhone<b>; x) evil/1")
	f.Fuzz(func(t *testing.T, ua string) {
		got := Name(ua)
		if got == "" || len(got) > 48 || !printable(got) || strings.ContainsAny(got, "<>\"&") {
			t.Fatalf("%q is %q", ua, got)
		}
	})
}
