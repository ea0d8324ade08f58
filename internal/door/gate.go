package door

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/countersign-id/countersign"
)

// gate is what the door can work out before the first request.
type gate struct {
	door  *Door
	hosts []string // every spelling of Host that is ours
	cross http.CrossOriginProtection
	fixed []fixedHeader // of every answer
	pages []fixedHeader // of what a browser may show
	limit int64
	name  string // begins the ids of requests
	count atomic.Uint64
}

// fixedHeader has its value in the form that http.Header keeps, so that
// setting it allocates nothing. The slice's capacity is 1: whoever adds to it
// gets a copy.
type fixedHeader struct {
	name  string
	value []string
}

// everyAnswer are the headers of every answer in their safest value: a page
// that needs more says so itself. The policy allows nothing to load, frame or
// post. everyPage are those that mean nothing to a program.
var (
	everyAnswer = [][2]string{
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Content-Security-Policy", "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cache-Control", "no-store"},
	}
	everyPage = [][2]string{
		{"X-Frame-Options", "DENY"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), publickey-credentials-create=(self), publickey-credentials-get=(self), usb=()"},
	}
)

func (d *Door) newGate() *gate {
	g := &gate{door: d, hosts: hosts(d.Public), limit: d.MaxBody, name: rand.Text()[:16]} // 80 bits
	if g.limit <= 0 {
		g.limit = 1 << 20
	}
	for _, h := range everyAnswer {
		g.fixed = append(g.fixed, fixedHeader{h[0], []string{h[1]}})
	}
	for _, h := range everyPage {
		g.pages = append(g.pages, fixedHeader{h[0], []string{h[1]}})
	}
	if d.https() {
		g.fixed = append(g.fixed, fixedHeader{"Strict-Transport-Security", []string{"max-age=63072000"}}) // two years
	}
	return g
}

func (d *Door) https() bool { return d.Public != nil && d.Public.Scheme == "https" }

// hosts lists the spellings of Host that mean this server: the public one with
// and without the scheme's own port, and on a loopback public URL every name
// of this machine with that port.
func hosts(public *url.URL) []string {
	if public == nil || public.Hostname() == "" {
		return nil
	}
	usual := map[string]string{"http": "80", "https": "443"}[public.Scheme]
	port := public.Port()
	if port == "" {
		port = usual
	}
	names := []string{public.Hostname()}
	if strings.Contains(names[0], ":") {
		names[0] = "[" + names[0] + "]"
	}
	if loopback(public.Hostname()) {
		names = []string{"localhost", "127.0.0.1", "[::1]", names[0]}
	}
	var list []string
	for _, name := range names {
		list = append(list, strings.ToLower(name)+":"+port)
		if port == usual {
			list = append(list, strings.ToLower(name))
		}
	}
	return list
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// dress puts on the headers that every answer carries. Below Programs those of
// pages are left out: each costs a request per mille or two of its time.
func (g *gate) dress(h http.Header, path, id string) {
	for _, f := range g.fixed {
		h[f.name] = f.value
	}
	if g.door.Programs == "" || !strings.HasPrefix(path, g.door.Programs) {
		for _, f := range g.pages {
			h[f.name] = f.value
		}
	}
	h["X-Request-Id"] = []string{id}
}

// admit says why a request goes no further, or nil. It runs before any route
// is looked up, so no route can forget a check.
func (g *gate) admit(w http.ResponseWriter, r *http.Request, trusted bool) error {
	host := r.Host
	if trusted {
		if sent, ok := r.Header["X-Forwarded-Host"]; ok {
			if len(sent) != 1 {
				return ErrMisdirected
			}
			host = sent[0]
		}
		if g.door.https() && len(r.Header["X-Forwarded-Proto"]) > 0 && r.Header.Get("X-Forwarded-Proto") != "https" {
			return &countersign.Error{Code: ErrMisdirected.Code, Detail: "Use https."}
		}
	}
	if !g.ours(host) {
		return ErrMisdirected
	}
	if !plain(r.URL.Path) {
		return countersign.ErrNotFound
	}
	if err := g.sameOrigin(r, host); err != nil {
		return err
	}
	if r.ContentLength > g.limit {
		return ErrTooLarge
	}
	if r.ContentLength != 0 {
		r.Body = http.MaxBytesReader(w, r.Body, g.limit)
	}
	return nil
}

func (g *gate) ours(host string) bool {
	for _, h := range g.hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// plain refuses the paths that routers and proxies read differently.
func plain(path string) bool {
	if path == "" || path[0] != '/' || strings.Contains(path, "//") || strings.Contains(path, "/.") && dotted(path) {
		return false
	}
	for i := range len(path) {
		if c := path[i]; c < 0x20 || c == 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

func dotted(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// sameOrigin refuses unsafe requests that a browser sends for another site. To
// the standard library's check of Sec-Fetch-Site it adds that an Origin, where
// there is one, is ours to the letter: the library compares hosts alone, which
// would let the http page of our own name through.
func (g *gate) sameOrigin(r *http.Request, host string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	origins, site := r.Header["Origin"], r.Header["Sec-Fetch-Site"]
	if len(origins) > 1 || len(site) > 1 {
		return ErrCrossOrigin
	}
	if len(origins) == 1 && origins[0] != "null" && !strings.EqualFold(origins[0], g.door.Public.Scheme+"://"+host) && !g.public(origins[0]) {
		return ErrCrossOrigin
	}
	if len(origins) == 1 && origins[0] != "null" {
		if len(site) == 0 || site[0] == "same-origin" || site[0] == "none" {
			return nil // ours to the letter, and the library would compare it with a Host that a proxy may have changed
		}
		return ErrCrossOrigin
	}
	if g.cross.Check(r) != nil {
		return ErrCrossOrigin
	}
	return nil
}

func (g *gate) public(origin string) bool {
	return strings.EqualFold(origin, g.door.Public.Scheme+"://"+g.door.Public.Host)
}

// newID returns a request id that no other request has, of any server: a random
// beginning of this gate's, and a count. It is a name and no secret, so it need
// not cost a read of randomness.
func (g *gate) newID() string {
	b := make([]byte, 0, 32)
	b = append(append(b, g.name...), '-')
	return string(strconv.AppendUint(b, g.count.Add(1), 36))
}

// sentID returns the request id that a proxy sent, or "" for none that is sane.
func sentID(h http.Header) string {
	sent := h["X-Request-Id"]
	if len(sent) != 1 || len(sent[0]) < 8 || len(sent[0]) > 128 {
		return ""
	}
	for i := range len(sent[0]) {
		c := sent[0][i]
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return sent[0]
}
