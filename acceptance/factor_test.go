package acceptance

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 with what every app does
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
)

// lifted are the limits that tests of factors are not about.
var lifted = []string{"limits.sms_per_prefix=1000000/1h", "limits.sms_per_country=1000000/1h", "limits.sms_total=1000000/1h"}

// app is an authenticator app, written from RFC 6238 and not from the product.
type app struct {
	id  string
	key []byte
}

func (a app) at(step int64) string {
	mac := hmac.New(sha1.New, a.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1e6)
}

// now is the code of this step, next that of the following one, which a clock that is
// a little slow accepts as well: so that a test has two without waiting.
func (a app) now() string  { return a.at(time.Now().Unix() / 30) }
func (a app) next() string { return a.at(time.Now().Unix()/30 + 1) }

// wrong is a guess that is no code of the app for the next minutes.
func (a app) wrong(i int) string {
	step := time.Now().Unix() / 30
	for ; ; i++ {
		guess, right := fmt.Sprintf("%06d", i%1e6), false
		for at := step - 4; at <= step+12; at++ {
			right = right || a.at(at) == guess
		}
		if !right {
			return guess
		}
	}
}

// begun starts to set up an app and returns it unconfirmed.
func (n *node) begun(token string) app {
	n.t.Helper()
	a := n.call("POST", "/v1/account/totp", token, object{"name": "Telephone"})
	if a.status != 201 {
		n.t.Fatalf("an app: %s", a)
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.get("secret"))
	if err != nil {
		n.t.Fatal(err)
	}
	return app{a.get("id"), key}
}

// app sets one up.
func (n *node) app(token string) app {
	n.t.Helper()
	made := n.begun(token)
	if a := n.call("POST", "/v1/account/totp/"+made.id+"/confirm", token, object{"code": made.now()}); !a.ok() {
		n.t.Fatalf("its first code: %s", a)
	}
	return made
}

// sheet makes recovery codes.
func (n *node) sheet(token string) (codes []string) {
	n.t.Helper()
	a := n.call("POST", "/v1/account/recovery-codes", token, nil)
	var out struct{ Codes []string }
	if err := json.Unmarshal(a.body, &out); err != nil || a.status != 201 || len(out.Codes) < 8 {
		n.t.Fatalf("recovery codes: %s", a)
	}
	return out.Codes
}

// phone adds a number and proves it.
func (n *node) phone(token, number string) {
	n.t.Helper()
	if a := n.call("POST", "/v1/account/phones", token, object{"number": number}); a.status != 201 {
		n.t.Fatalf("a number: %s", a)
	}
	if a := n.call("POST", "/v1/account/phones/"+number+"/verify", token, object{"code": n.mail(number, 0).sms()}); !a.ok() {
		n.t.Fatalf("its code: %s", a)
	}
}

var smsCode = regexp.MustCompile(`@\S+ #(\d{6})`)

// sms is the code of a text message, from the line that binds it to our site.
func (l letter) sms() string {
	if m := smsCode.FindStringSubmatch(l.Text); m != nil {
		return m[1]
	}
	return ""
}

// half proves the password and returns the attempt, which wants a second step.
func (n *node) half(address string) string {
	n.t.Helper()
	a := n.signIn(address, goodPassword)
	if a.get("state") != "needs_evidence" {
		n.t.Fatalf("the password of %s, who has a second step: %s", address, a)
	}
	return a.get("id")
}

// ask starts a sign-in, lets a method send and returns the attempt and what came.
func (n *node) ask(identifier, method string) (string, letter) {
	n.t.Helper()
	a := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": identifier, "issue": "session_token"})
	seen := len(n.letters(identifier))
	if b := n.call("POST", "/v1/attempts/"+a.get("id")+"/challenges", "", object{"method": method}); !b.ok() {
		n.t.Fatalf("%s for %s: %s, %s", method, identifier, a, b)
	}
	return a.get("id"), n.mail(identifier, seen)
}

func proofBy(method, code string) object { return object{"method": method, "code": code} }

func offered(a answer, method string) bool {
	var out struct{ Methods []struct{ Method string } }
	return json.Unmarshal(a.body, &out) == nil && slices.ContainsFunc(out.Methods, func(m struct{ Method string }) bool { return m.Method == method })
}

func TestAnAppIsASecondStepOnEveryNode(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n, other := nodes[0], nodes[len(nodes)-1]
		token := n.signUp("ada@example.com")
		a := n.begun(token)
		if in := n.signIn("ada@example.com", goodPassword); in.get("state") != "complete" {
			t.Errorf("an app that is not confirmed is asked for: %s", in)
		}
		if b := n.call("POST", "/v1/account/totp/"+a.id+"/confirm", token, object{"code": a.wrong(1)}); b.status != 401 {
			t.Errorf("a wrong first code: %s", b)
		}
		used := a.now()
		if b := other.call("POST", "/v1/account/totp/"+a.id+"/confirm", token, object{"code": used}); !b.ok() || b.get("name") != "Telephone" {
			t.Fatalf("the first code, on the other node, of one named Telephone: %s", b)
		}
		in := other.signIn("ada@example.com", goodPassword)
		if in.get("state") != "needs_evidence" || !offered(in, "totp") || in.get("session_token") != "" {
			t.Fatalf("a password alone: %s", in)
		}
		if b := other.evidence(in.get("id"), proofBy("totp", used)); b.status != 401 {
			t.Errorf("the code that set it up, again: %s", b)
		}
		right := a.next()
		if b := n.evidence(in.get("id"), proofBy("totp", right[:3]+" "+right[3:])); b.get("state") != "complete" || b.get("session.assurance") != "aal2" {
			t.Errorf("a right code: %s", b)
		}
		if b := other.evidence(n.half("ada@example.com"), proofBy("totp", right)); b.status != 401 {
			t.Errorf("a code that was used: %s", b)
		}
		if l := n.mail("ada@example.com", 1); !strings.Contains(l.Text, "Telephone") && !strings.Contains(l.Text, "app") {
			t.Errorf("its owner was told: %s", l.Text)
		}
		n.sound()
	})
}

func TestRecoveryCodesAreUsedUpAndANewSetEndsTheOld(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n, other := nodes[0], nodes[len(nodes)-1]
		token := n.signUp("ada@example.com")
		n.app(token)
		codes := n.sheet(token)
		if a := other.evidence(other.half("ada@example.com"), proofBy("recovery_code", strings.ToUpper(strings.ReplaceAll(codes[0], "-", " ")))); a.get("state") != "complete" {
			t.Fatalf("a recovery code: %s", a)
		}
		if a := n.evidence(n.half("ada@example.com"), proofBy("recovery_code", codes[0])); a.status != 401 {
			t.Errorf("the same again: %s", a)
		}
		if a := n.call("GET", "/v1/account/recovery-codes", token, nil); a.get("items.0.detail.left") != fmt.Sprint(len(codes)-1) || strings.Contains(string(a.body), codes[1]) {
			t.Errorf("the list: %s", a)
		}
		fresh := n.sheet(token)
		if a := other.evidence(other.half("ada@example.com"), proofBy("recovery_code", codes[1])); a.status != 401 {
			t.Errorf("one of the old set: %s", a)
		}
		if a := other.evidence(other.half("ada@example.com"), proofBy("recovery_code", fresh[1])); a.get("state") != "complete" {
			t.Errorf("one of the new set: %s", a)
		}
	})
}

// behind starts two nodes with one public URL, as behind a proxy, and gives a client for each.
func behind(t *testing.T, set ...string) guesser {
	t.Helper()
	nodes := pair(t, set...)
	first, second := nodes[0], nodes[1]
	second.kill()
	second.args = append(second.args, "--set", "server.public_url="+first.url)
	second.start()
	second.url = first.url
	g := newGuesser(nodes)
	g.by[1].Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, second.addr)
	}
	return g
}

// key is a passkey in a browser that has opened our pages.
type key struct {
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

// passkey makes one and adds it.
func (n *node) passkey(token string) *key {
	n.t.Helper()
	a := n.call("POST", "/v1/account/passkeys/options", token, nil)
	options, err := virtualwebauthn.ParseAttestationOptions(string(a.body))
	if err != nil || !a.ok() {
		n.t.Fatalf("options: %v %s", err, a)
	}
	k := &key{virtualwebauthn.RelyingParty{ID: "localhost", Name: "Countersign", Origin: n.url}, virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	if k.auth.Options.UserHandle, err = base64.RawURLEncoding.DecodeString(a.get("publicKey.user.id")); err != nil {
		n.t.Fatal(err)
	}
	made := virtualwebauthn.CreateAttestationResponse(k.rp, k.auth, k.cred, *options)
	if b := n.call("POST", "/v1/account/passkeys", token, object{"name": "Laptop", "response": json.RawMessage(made)}); b.status != 201 || b.get("name") != "Laptop" {
		n.t.Fatalf("a passkey: %s", b)
	}
	k.auth.AddCredential(k.cred)
	return k
}

// challenged asks for a signature and answers it.
func (k *key) challenged(n *node, attempt string) string {
	n.t.Helper()
	a := n.call("POST", "/v1/attempts/"+attempt+"/challenges", "", object{"method": "passkey"})
	var out struct{ Challenge json.RawMessage }
	if err := json.Unmarshal(a.body, &out); err != nil || !a.ok() {
		n.t.Fatalf("a challenge: %s", a)
	}
	options, err := virtualwebauthn.ParseAssertionOptions(string(out.Challenge))
	if err != nil {
		n.t.Fatalf("%v in %s", err, out.Challenge)
	}
	k.cred.Counter++
	return virtualwebauthn.CreateAssertionResponse(k.rp, k.auth, k.cred, *options)
}

func TestAPasskeySignsInWithoutAName(t *testing.T) {
	t.Parallel()
	n := serve(t)
	token := n.signUp("ada@example.com")
	k := n.passkey(token)
	begun := func() string {
		a := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "issue": "session_token"})
		if !offered(a, "passkey") || offered(a, "password") {
			t.Fatalf("an attempt of nobody: %s", a)
		}
		return a.get("id")
	}
	id := begun()
	response := k.challenged(n, id)
	show := func(id, response string) answer {
		return n.evidence(id, object{"method": "passkey", "response": json.RawMessage(response)})
	}
	a := show(id, response)
	if a.get("state") != "complete" || a.get("session.assurance") == "aal1" {
		t.Fatalf("a passkey that has verified its owner: %s", a)
	}
	if who := n.call("GET", "/v1/session", a.get("session_token"), nil).get("identity.emails.0.address"); who != "ada@example.com" {
		t.Errorf("signed in as %q", who)
	}
	other := begun()
	k.challenged(n, other)
	if a := show(other, response); a.status != 401 {
		t.Errorf("the answer to another challenge: %s", a)
	}
	for what, spoil := range map[string]func(*key){
		"another origin":  func(k *key) { k.rp.Origin = "http://localhost.evil.example" },
		"another RP ID":   func(k *key) { k.rp.ID = "evil.example" },
		"a foreign key":   func(k *key) { k.cred.Key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2).Key },
		"nobody there":    func(k *key) { k.auth.Options.UserNotPresent = true },
		"an old counter":  func(k *key) { k.cred.Counter = 0 },
		"nobody's handle": func(k *key) { k.auth.Options.UserHandle = []byte("somebody else") },
	} {
		bad, id := *k, begun()
		spoil(&bad)
		if what == "an old counter" {
			bad.cred.Counter-- // challenged counts
		}
		if a := show(id, bad.challenged(n, id)); a.status != 401 {
			t.Errorf("%s: %s", what, a)
		}
	}
	id = begun()
	if a := show(id, k.challenged(n, id)); a.get("state") != "complete" {
		t.Errorf("a right one after all those: %s", a)
	}
	keys := n.call("GET", "/v1/account/passkeys", token, nil)
	path := "/v1/account/passkeys/" + keys.get("items.0.id")
	if a := n.call("PATCH", path, token, object{"name": "Desk"}); a.get("name") != "Desk" {
		t.Errorf("renamed: %s", a)
	}
	if a := n.call("DELETE", path, token, nil); a.status != 204 {
		t.Errorf("removed: %s", a)
	}
	id = begun()
	if a := show(id, k.challenged(n, id)); a.status != 401 {
		t.Errorf("after it was removed: %s", a)
	}
}

func TestAnAdministratorResetsWhatIsLost(t *testing.T) {
	t.Parallel()
	n := serve(t)
	token := n.signUp("ada@example.com")
	n.app(token)
	n.sheet(token)
	seen := len(n.letters("ada@example.com"))
	n.must("identity", "reset-factor", "ada@example.com", "--reason", "Came to the desk with a passport.")
	if in := n.signIn("ada@example.com", goodPassword); in.get("state") != "complete" {
		t.Errorf("the password after the reset: %s", in)
	}
	if l := n.mail("ada@example.com", seen); !within(10*time.Second, func() bool {
		return slices.ContainsFunc(n.letters("ada@example.com"), func(l letter) bool { return strings.Contains(l.Text, "Came to the desk with a passport.") })
	}) {
		t.Errorf("its owner was told: %s", l.Text)
	}
}

func TestARememberedBrowserIsAskedForNoSecondStepUntilItIsForgotten(t *testing.T) {
	t.Parallel()
	places(t, nil, func(t *testing.T, nodes []*node) {
		n, other := nodes[0], nodes[len(nodes)-1]
		token := n.signUp("ada@example.com")
		n.app(token)
		a := n.call("POST", "/v1/account/devices", token, nil)
		var cookie string
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			if c.Name == "countersign-remembered" && c.HttpOnly {
				cookie = c.Name + "=" + c.Value
			}
		}
		if a.status != 201 || cookie == "" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("a browser to remember: %s, %v", a, a.header)
		}
		from := func(cookie, who string) string {
			return other.call("POST", "/v1/attempts", "", signIn(who, goodPassword), "Cookie", cookie).get("state")
		}
		if s := from(cookie, "ada@example.com"); s != "complete" {
			t.Errorf("from the browser that is remembered: %s", s)
		}
		n.app(n.signUp("eve@example.com"))
		if s := from(cookie, "eve@example.com"); s != "needs_evidence" {
			t.Errorf("somebody else from it: %s", s)
		}
		spoiled := cookie[:len(cookie)-1] + "x"
		if s := from(spoiled, "ada@example.com"); s != "needs_evidence" {
			t.Errorf("with another token: %s", s)
		}
		if a := n.call("DELETE", "/v1/account/devices/"+a.get("id"), token, nil); a.status != 204 {
			t.Fatalf("forget it: %s", a)
		}
		if s := from(cookie, "ada@example.com"); s != "needs_evidence" {
			t.Errorf("after it was forgotten: %s", s)
		}
	})
}

func TestNobodyFillsTheAccountWithFactors(t *testing.T) {
	t.Parallel()
	n := serve(t, "limits.attempts_per_network=1000000/1m")
	token := n.signUp("ada@example.com")
	n.app(token) // what stands in for a second step needs one
	for path, most := range map[string]int{"devices": 20, "recovery-codes": 1} {
		for range most + 5 {
			n.call("POST", "/v1/account/"+path, token, nil)
		}
		var list struct{ Items []any }
		a := n.call("GET", "/v1/account/"+path, token, nil)
		if err := json.Unmarshal(a.body, &list); err != nil || len(list.Items) != most {
			t.Errorf("%s: %d are kept, %d at most: %v", path, len(list.Items), most, err)
		}
	}
}
