package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// authority signs a certificate for localhost and writes it with its key.
func authority(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

// serveTLS starts a node that speaks HTTPS, and returns the client that trusts it.
func serveTLS(t *testing.T) (*node, *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	cert, key, pool := authority(t, dir)
	addr := free(t)
	_, port, _ := net.SplitHostPort(addr)
	n := serveIn(t, dir, "server.listen="+addr, "server.public_url=https://localhost:"+port, "server.tls.cert="+cert, "server.tls.key="+key)
	n.addr = addr
	return n, &tls.Config{RootCAs: pool}
}

// dressed says what a header is missing on any answer.
func dressed(h http.Header, https, page bool) (missing []string) {
	want := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer|same-origin|strict-origin", "Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": ".", "X-Request-Id": "."}
	if page {
		want["X-Frame-Options"], want["Cross-Origin-Opener-Policy"], want["Permissions-Policy"] = "DENY", "same-origin", "."
	}
	if https {
		want["Strict-Transport-Security"] = "max-age=[1-9][0-9]{6}"
	}
	for name, pattern := range want {
		if !regexp.MustCompile(pattern).MatchString(h.Get(name)) {
			missing = append(missing, name+": "+h.Get(name))
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, bad := range []string{"unsafe-inline", "unsafe-eval", "http:", "data: ", " *"} {
		if strings.Contains(csp, bad) {
			missing = append(missing, "a policy with "+bad)
		}
	}
	return missing
}

// TestEveryAnswerIsDressed looks at every route as everyone, on http and https.
func TestEveryAnswerIsDressed(t *testing.T) {
	t.Parallel()
	secure, config := serveTLS(t)
	for _, n := range []*node{serve(t), secure} {
		https := strings.HasPrefix(n.url, "https")
		if _, err := n.cliWith(goodPassword+"\n", "identity", "add", "--email", "ada@example.com", "--password-stdin"); err != nil {
			t.Fatal(err)
		}
		b := n.browser()
		b.c.Transport = &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
		in := b.signIn("ada@example.com", goodPassword)
		if in.status != 303 {
			t.Fatal(in)
		}
		cookies(t, in, https)
		for _, r := range addresses() {
			page := !strings.HasPrefix(r.path, "/v1")
			a := b.get(r.path)
			if a.status == 401 && !page && a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: 401 without WWW-Authenticate", r.path)
			}
			if missing := dressed(a.header, https, page); missing != nil {
				t.Errorf("%s (%d) lacks %v", r.path, a.status, missing)
			}
			if cc := a.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") && !strings.HasPrefix(r.path, "/assets/") && r.path != "/openapi.json" && r.path != "/docs" && !strings.HasPrefix(r.path, "/docs/") && !strings.HasPrefix(r.path, "/.well-known/") {
				t.Errorf("%s (%d) may be kept: %q", r.path, a.status, cc)
			}
			if strings.Contains(a.header.Get("Content-Type"), "text/html") {
				inline(t, r.path, string(a.body))
			}
		}
		out := b.post("/sign-out", form())
		for _, c := range (&http.Response{Header: out.header}).Cookies() {
			if strings.HasSuffix(c.Name, "countersign") && c.MaxAge >= 0 {
				t.Errorf("signed out, and the cookie lives on: %s", c)
			}
		}
	}
}

// inline says what a policy without inline would have to block.
func inline(t *testing.T, path, body string) {
	t.Helper()
	for _, bad := range []string{"<script>", " onclick=", " onload=", " onsubmit=", " style=\"", "<style", "javascript:", "http://fonts", "https://cdn"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s holds %s", path, bad)
		}
	}
}

// addresses are the paths to GET: pages, and the API's without parameters.
func addresses() (all []route) {
	for _, path := range []string{"/", "/sign-in", "/sign-up", "/recover", "/verify", "/verify?token=cs_lnk_x", "/step-up", "/setup", "/setup?token=x", "/account", "/account/profile", "/account/emails", "/account/sessions",
		"/account/activity", "/account/password", "/account/data", "/view", "/strength", "/dev/inbox", "/nothing", "/assets/nothing", "/openapi.json", "/docs", "/.well-known/change-password", "/.well-known/security.txt",
		"/v1", "/v1/nothing", "/v1/session", "/v1/sessions", "/v1/account", "/v1/account/emails", "/v1/account/activity", "/v1/account/export", "/v1/admin/identities", "/v1/admin/audit", "/v1/attempts", "/v1/attempts/att_x", "/v1/session?x=1", "/sign-out"} {
		all = append(all, route{"GET", path})
	}
	return all
}

// cookies fails unless every cookie of a sign-in is as safe as it can be.
func cookies(t *testing.T, a answer, https bool) {
	t.Helper()
	prefix := ""
	if https {
		prefix = "__Host-"
	}
	seen := map[string]bool{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		seen[c.Name] = true
		if c.Value == "" {
			continue
		}
		if !strings.HasPrefix(c.Name, prefix+"countersign") || !c.HttpOnly || c.Secure != https || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge <= 0 || c.Domain != "" {
			t.Errorf("cookie %s (https %v): HttpOnly %v, Secure %v, SameSite %v, Path %q, Max-Age %d, Domain %q", c.Name, https, c.HttpOnly, c.Secure, c.SameSite, c.Path, c.MaxAge, c.Domain)
		}
	}
	if !seen[prefix+"countersign"] || !seen[prefix+"countersign-device"] {
		t.Errorf("cookies of a sign-in: %v", seen)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("an answer with a cookie: Cache-Control %q, Referrer-Policy %q", a.header.Get("Cache-Control"), a.header.Get("Referrer-Policy"))
	}
}

// TestWhatLooksLikeASessionIsNone puts every value that the server issues where
// a session belongs, and a session where none belongs.
func TestWhatLooksLikeASessionIsNone(t *testing.T) {
	t.Parallel()
	n := serve(t)
	token := n.signUp("ada@example.com")
	b := n.browser()
	b.signIn("ada@example.com", goodPassword)
	n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "ada@example.com"})
	l := n.mail("ada@example.com", 1)
	me := n.call("GET", "/v1/session", token, nil)
	for what, value := range map[string]string{"link": l.token(), "code": l.code(), "device cookie": b.cookie("countersign-device"), "session id": me.get("session.id"), "identity id": me.get("identity.id"),
		"capitals": strings.ToUpper(token), "a space": token + " ", "quotes": `"` + token + `"`, "without prefix": strings.TrimPrefix(token, "cs_ses_"), "another kind": strings.Replace(token, "cs_ses_", "cs_lnk_", 1), "nothing": ""} {
		for where, head := range map[string][]string{"bearer": {"Authorization", "Bearer " + value}, "cookie": {"Cookie", "countersign=" + value}, "basic": {"Authorization", "Basic " + value}, "no scheme": {"Authorization", value}} {
			if value == token+" " {
				continue // Go's client and every proxy take blanks at the end away
			}
			if a := n.call("GET", "/v1/session", "", nil, head...); a.status != 401 && a.status != 400 {
				t.Errorf("%s as %s: %s", what, where, a)
			}
		}
	}
	for _, at := range []int{0, 3, 7, 8, 20, len(token) / 2, len(token) - 2, len(token) - 1} {
		for _, changed := range []string{token[:at] + token[at+1:], token[:at] + "x" + token[at:], token[:at] + string(token[at]^1) + token[at+1:]} {
			if changed != token && n.alive(changed) {
				t.Errorf("a token changed at %d still opens", at)
			}
		}
	}
	for _, path := range []string{"/v1/session?token=" + token, "/v1/session?session_token=" + token, "/v1/session?access_token=" + token, "/account?countersign=" + token} {
		if a := n.call("GET", path, "", nil); a.ok() {
			t.Errorf("a session from the address %.30s: %s", path, a)
		}
	}
	// A session that someone planted is not the one that a sign-in gives.
	planted := n.browser()
	planted.signIn("ada@example.com", goodPassword)
	before := planted.cookie("countersign")
	planted.get("/sign-in", "Cookie", "countersign="+before)
	again := n.browser().post("/sign-in", form("identifier", "ada@example.com", "password", goodPassword), "Cookie", "countersign="+before)
	for _, c := range (&http.Response{Header: again.header}).Cookies() {
		if c.Name == "countersign" && c.Value == before {
			t.Error("a sign-in kept the session that was there before")
		}
	}
}
