package door

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// from serves one request and says which address the door took it to be from.
func from(t testing.TB, d *Door, peer string, head ...string) string {
	t.Helper()
	var got netip.Addr
	h := d.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = Address(r) }))
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.RemoteAddr = home.Host, peer
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Add(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("%v: %d", head, w.Code)
	}
	return got.String()
}

func TestTheAddressIsThePeersUnlessATrustedProxySaysOtherwise(t *testing.T) {
	d := &Door{Public: home, Trusted: proxies}
	const x, fw = "X-Forwarded-For", "Forwarded"
	for _, c := range []struct {
		why, peer, want string
		head            []string
	}{
		{"no header", "192.0.2.1:1", "192.0.2.1", nil},
		{"a stranger's header", "192.0.2.1:1", "192.0.2.1", []string{x, "203.0.113.9"}},
		{"a stranger's standard header", "192.0.2.1:1", "192.0.2.1", []string{fw, "for=203.0.113.9"}},
		{"a proxy without a header", "10.0.0.1:1", "10.0.0.1", nil},
		{"a proxy's header", "10.0.0.1:1", "203.0.113.9", []string{x, "203.0.113.9"}},
		{"a proxy that maps IPv4 into IPv6", "[::ffff:10.0.0.1]:1", "203.0.113.9", []string{x, "::ffff:203.0.113.9"}},
		{"two proxies", "10.0.0.1:1", "203.0.113.9", []string{x, "203.0.113.9, 10.0.0.2"}},
		{"what the client wrote before", "10.0.0.1:1", "203.0.113.9", []string{x, "198.51.100.1, 203.0.113.9, 10.0.0.2"}},
		{"two lines", "10.0.0.1:1", "203.0.113.9", []string{x, "198.51.100.1", x, "203.0.113.9"}},
		{"a client inside", "10.0.0.1:1", "10.9.9.9", []string{x, "10.9.9.9, 10.0.0.2"}},
		{"ports", "10.0.0.1:1", "203.0.113.9", []string{x, "203.0.113.9:4711"}},
		{"IPv6", "[fd00::1]:1", "2001:db8::7", []string{x, "2001:db8::7"}},
		{"IPv6 in brackets with a port", "[fd00::1]:1", "2001:db8::7", []string{x, "[2001:db8::7]:4711"}},
		{"the standard header", "10.0.0.1:1", "203.0.113.9", []string{fw, `for=203.0.113.9;proto=https;by=10.0.0.1`}},
		{"the standard header in capitals", "10.0.0.1:1", "203.0.113.9", []string{fw, `proto=https; FOR="203.0.113.9:80"`}},
		{"the standard header with IPv6", "10.0.0.1:1", "2001:db8::7", []string{fw, `for="[2001:db8::7]:4711", for=10.0.0.2`}},
		{"both, agreeing", "10.0.0.1:1", "203.0.113.9", []string{x, "203.0.113.9", fw, "for=203.0.113.9"}},
		{"both, disagreeing", "10.0.0.1:1", "10.0.0.1", []string{x, "203.0.113.9", fw, "for=198.51.100.1"}},
		{"a hidden client", "10.0.0.1:1", "10.0.0.1", []string{fw, "for=_hidden"}},
		{"an unknown client", "10.0.0.1:1", "10.0.0.1", []string{fw, "for=unknown"}},
		{"for twice", "10.0.0.1:1", "10.0.0.1", []string{fw, "for=203.0.113.9;for=198.51.100.1"}},
		{"no for", "10.0.0.1:1", "10.0.0.1", []string{fw, "proto=https"}},
		{"half a quote", "10.0.0.1:1", "10.0.0.1", []string{fw, `for="203.0.113.9`}},
		{"a comma in a quote", "10.0.0.1:1", "10.0.0.1", []string{fw, `for=198.51.100.1;x="a,for=203.0.113.9"`}},
		{"a letter", "10.0.0.1:1", "10.0.0.1", []string{x, "a"}},
		{"nothing", "10.0.0.1:1", "10.0.0.1", []string{x, ""}},
		{"an empty last part", "10.0.0.1:1", "10.0.0.1", []string{x, "203.0.113.9,"}},
		{"a name", "10.0.0.1:1", "10.0.0.1", []string{x, "localhost"}},
		{"NUL", "10.0.0.1:1", "10.0.0.1", []string{x, "203.0.113.9\x00"}},
		{"a zone", "10.0.0.1:1", "10.0.0.1", []string{x, "fe80::1%eth0"}},
		{"octal", "10.0.0.1:1", "10.0.0.1", []string{x, "0313.0.113.9"}},
		{"a network", "10.0.0.1:1", "10.0.0.1", []string{x, "203.0.113.0/24"}},
		{"an unparsable proxy on the way", "10.0.0.1:1", "10.0.0.1", []string{x, "203.0.113.9, x, 10.0.0.2"}},
		{"64 kB", "10.0.0.1:1", "10.0.0.1", []string{x, strings.Repeat("1.1.1.1,", 8000) + "203.0.113.9"}},
		{"X-Real-IP", "10.0.0.1:1", "10.0.0.1", []string{"X-Real-IP", "203.0.113.9", "True-Client-IP", "203.0.113.9"}},
	} {
		if got := from(t, d, c.peer, c.head...); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}

func TestAPeerThatIsNoAddressIsNoAddress(t *testing.T) {
	d := &Door{Public: home, Trusted: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	if got := from(t, d, "@", "X-Forwarded-For", "203.0.113.9"); got != "invalid IP" {
		t.Errorf("a peer without an address is %s", got)
	}
}

// FuzzForwarded sends any headers: a stranger's never matter, and what a proxy
// sends names an address that is written in it, or the proxy.
func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.2", "")
	f.Add("", `for="[2001:db8::7]:4711";proto=https, for=10.0.0.2`)
	f.Add("a", "for=_x")
	peer := netip.MustParseAddr("10.0.0.1")
	d := &Door{Trusted: proxies}
	f.Fuzz(func(t *testing.T, x, standard string) {
		h := http.Header{}
		if x != "" {
			h.Set("X-Forwarded-For", x)
		}
		if standard != "" {
			h.Set("Forwarded", standard)
		}
		got := forwardedFor(h, peer, d.trusts)
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Fatalf("%q %q: %v", x, standard, got)
		}
		if got != peer && x != "" && standard != "" && rightmost([]string{x}, peer, d.trusts, addressOf) != got {
			t.Fatalf("%q %q disagree, and yet %v", x, standard, got)
		}
	})
}
