package door

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
)

const (
	ada = countersign.IdentityID("idn_01jd9q3v8m0e2c4g6k8n0r2t4w6y8a0b")
	att = countersign.AttemptID("att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e")
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func keyed(now *time.Time) *Door {
	return &Door{Public: home, Key: []byte(strings.Repeat("k", 32)), Now: func() time.Time { return *now }}
}

// sent returns a request that carries what set put into the answer.
func sent(set func(http.ResponseWriter)) (*http.Request, []*http.Cookie) {
	w := httptest.NewRecorder()
	set(w)
	r := httptest.NewRequest("GET", "/", nil)
	cookies := w.Result().Cookies()
	for _, c := range cookies {
		r.Header.Add("Cookie", c.Name+"="+c.Value)
	}
	return r, cookies
}

func TestADeviceIsRememberedForHalfAYearAndNotForged(t *testing.T) {
	now := noon
	d := keyed(&now)
	r, cookies := sent(func(w http.ResponseWriter) { d.SetDevice(w, ada) })
	if len(cookies) != 1 || d.device(r) != ada || cookies[0].MaxAge != 180*24*3600 {
		t.Fatalf("%v names %q", cookies, d.device(r))
	}
	now = noon.Add(180*24*time.Hour - time.Second)
	if d.device(r) != ada {
		t.Error("forgotten before its time")
	}
	if now = noon.Add(180 * 24 * time.Hour); d.device(r) != "" {
		t.Error("remembered beyond its time")
	}
	now = noon
	value := cookies[0].Value
	for why, forged := range map[string]string{
		"another identity": strings.Replace(value, "idn_01", "idn_02", 1), "a longer life": strings.Replace(value, ".18", ".19", 1), "no signature": value[:strings.LastIndexByte(value, '.')+1],
		"half a signature": value[:len(value)-20], "only an id": string(ada), "nothing": "", "points": "..", "a signature alone": value[strings.LastIndexByte(value, '.'):],
	} {
		f := httptest.NewRequest("GET", "/", nil)
		f.Header.Set("Cookie", "__Host-countersign-device="+forged)
		if got := d.device(f); got != "" {
			t.Errorf("%s: names %q", why, got)
		}
	}
	r.Header.Add("Cookie", "__Host-countersign-device="+value)
	if d.device(r) != "" {
		t.Error("two device cookies were believed")
	}
	other := keyed(&now)
	other.Key = []byte(strings.Repeat("x", 32))
	if one, _ := sent(func(w http.ResponseWriter) { d.SetDevice(w, ada) }); other.device(one) != "" {
		t.Error("another key's signature was believed")
	}
}

func TestWithoutAKeyThereAreNoDevices(t *testing.T) {
	for _, key := range [][]byte{nil, []byte("short")} {
		d := &Door{Public: home, Key: key}
		r, cookies := sent(func(w http.ResponseWriter) { d.SetDevice(w, ada) })
		if len(cookies) != 0 || d.device(r) != "" {
			t.Error("a device was remembered under an empty or short key")
		}
		r.Header.Set("Cookie", "__Host-countersign-device="+string(ada)+".9999999999."+d.sign(string(ada)+".9999999999"))
		if d.device(r) != "" {
			t.Error("a signature under an empty key was believed")
		}
	}
}

func TestAnAttemptIsRememberedAndForgotten(t *testing.T) {
	now := noon
	d := keyed(&now)
	r, cookies := sent(func(w http.ResponseWriter) { d.SetAttempt(w, att, noon.Add(time.Hour)) })
	if d.Attempt(r) != att || cookies[0].MaxAge != 3600 {
		t.Errorf("%q, %v", d.Attempt(r), cookies)
	}
	for _, bad := range []string{"x", "ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b", string(att) + "0", string(att) + "; __Host-countersign-attempt=" + string(att)} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "__Host-countersign-attempt="+bad)
		if got := d.Attempt(r); got != "" {
			t.Errorf("%q names the attempt %q", bad, got)
		}
	}
	if _, cookies := sent(d.ClearAttempt); cookies[0].MaxAge != -1 || cookies[0].Value != "" {
		t.Errorf("%v", cookies)
	}
	if _, cookies := sent(func(w http.ResponseWriter) { d.SetSession(w, "cs_ses_x", noon) }); cookies[0].MaxAge != -1 || cookies[0].Value != "" {
		t.Errorf("a session that has ended was handed out: %v", cookies)
	}
}

func TestOnLoopbackTheCookiesAreNamedAndSetForPlainHTTP(t *testing.T) {
	now := noon
	d := keyed(&now)
	d.Public = &url.URL{Scheme: "http", Host: "localhost:8440"}
	_, cookies := sent(func(w http.ResponseWriter) { d.SetSession(w, "cs_ses_x", noon.Add(time.Hour)) })
	if c := cookies[0]; c.Name != "countersign" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 3600 {
		t.Errorf("%s", c)
	}
}

// FuzzCookie holds our reader against net/http's: what we find, it finds too.
func FuzzCookie(f *testing.F) {
	f.Add("a=b; countersign=cs_ses_x")
	f.Add(`countersign="x"; countersign=y`)
	f.Add("countersign=;;=;countersign")
	f.Fuzz(func(t *testing.T, header string) {
		value, n := cookieValue([]string{header}, "countersign")
		if n < 0 || n == 0 && value != "" || len(value) > longestCookie || strings.ContainsRune(value, ';') {
			t.Fatalf("%q: %q, %d", header, value, n)
		}
		for _, c := range (&http.Request{Header: http.Header{"Cookie": {header}}}).CookiesNamed("countersign") {
			if n == 0 && c.Value != "" && !strings.Contains(header, "countersign =") && !strings.Contains(header, "countersign\t=") {
				t.Fatalf("%q: we see none, net/http sees %v", header, c)
			}
		}
	})
}

func TestABrowserThatIsRememberedSaysSoToTheProcess(t *testing.T) {
	now := noon
	d := keyed(&now)
	r, cookies := sent(func(w http.ResponseWriter) { d.SetRemembered(w, "cs_dev_x", 30*24*time.Hour) })
	c := cookies[0]
	if c.Name != "__Host-countersign-remembered" || c.MaxAge != 30*24*3600 || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
		t.Errorf("the cookie is %v", c)
	}
	if by, err := d.Caller(r); err != nil || by.Remembered != "cs_dev_x" {
		t.Errorf("%q, %v", by.Remembered, err)
	}
	r.Header.Add("Cookie", c.Name+"=cs_dev_y")
	if got := d.Remembered(r); got != "" {
		t.Errorf("two cookies are %q", got)
	}
	if _, cookies = sent(d.ClearRemembered); cookies[0].MaxAge != -1 || cookies[0].Value != "" {
		t.Errorf("it stays: %v", cookies[0])
	}
}
