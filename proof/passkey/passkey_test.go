package passkey_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/proof/passkey"
)

const (
	rpID   = "example.com"
	origin = "https://id.example.com"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// newMethod returns the method as a server would have it; change makes it another.
func newMethod(t testing.TB, change ...func(*passkey.Options)) *passkey.Method {
	t.Helper()
	o := passkey.Options{RPID: rpID, RPName: "Example", Origins: []string{origin, "https://example.org", "android:apk-key-hash:abc"}, Now: noon}
	for _, c := range change {
		c(&o)
	}
	m, err := passkey.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func strict(o *passkey.Options) { o.Verify = true }

func ada() countersign.Subject {
	return countersign.Subject{Identity: "idn_ada", Address: "ada@example.com", Names: []string{"Ada", "ada@example.com"}}
}

// options are what a browser reads of both kinds.
type options struct {
	PublicKey struct {
		Challenge                            string
		RPID                                 string `json:"rpId"`
		UserVerification                     string
		Timeout                              int
		AllowCredentials, ExcludeCredentials []struct {
			Type, ID   string
			Transports []string
		}
		RP, User               map[string]string
		PubKeyCredParams       []struct{ Alg int }
		AuthenticatorSelection map[string]string
		Attestation            string
	} `json:"publicKey"`
}

func shown(t testing.TB, c countersign.Challenge) (o options) {
	t.Helper()
	if err := json.Unmarshal(c.Show, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func asked(t testing.TB, m *passkey.Method, s countersign.Subject) (countersign.Challenge, ceremony) {
	t.Helper()
	c, err := m.Challenge(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c, ceremony{kind: "webauthn.get", challenge: shown(t, c).PublicKey.Challenge, origin: origin, rpID: rpID, flags: present | verified, counter: 1}
}

func prepared(t testing.TB, m *passkey.Method, s countersign.Subject) (countersign.Challenge, ceremony) {
	t.Helper()
	c, err := m.Prepare(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c, ceremony{kind: "webauthn.create", challenge: shown(t, c).PublicKey.Challenge, origin: origin, rpID: rpID, flags: present | verified | attested}
}

// answer is the evidence as programs send it; text as a form does.
func answer(response string) json.RawMessage {
	return json.RawMessage(`{"method":"passkey","response":` + response + `}`)
}

func text(response string) json.RawMessage {
	return mustJSON(map[string]string{"method": "passkey", "response": response})
}

// enrolled adds a passkey of the device to the subject.
func enrolled(t testing.TB, m *passkey.Method, s *countersign.Subject, d *device, change ...func(*ceremony)) countersign.Credential {
	t.Helper()
	asked, c := prepared(t, m, *s)
	d.user, _ = b64.DecodeString(shown(t, asked).PublicKey.User["id"])
	for _, f := range change {
		f(&c)
	}
	made, err := m.Enroll(t.Context(), *s, countersign.Evidence{Method: "passkey", Subject: *s, Asked: asked.Keep, Answer: answer(d.create(c))})
	if err != nil {
		t.Fatalf("enrolling: %v: %s", err, reason(err))
	}
	made.ID = countersign.CredentialID("crd_" + made.Lookup[:8])
	s.Credentials = append(s.Credentials, made)
	return made
}

// reason is what the audit log would be told.
func reason(err error) string {
	var e *countersign.Error
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Reason
}

func TestAPasskeyOfEveryAlgorithmIsMadeAndProves(t *testing.T) {
	m := newMethod(t)
	for name, alg := range map[string]int{"ES256": -7, "EdDSA": -8, "RS256": -257} {
		for _, self := range []bool{false, true} {
			s, d := ada(), newDevice(t, alg)
			made := enrolled(t, m, &s, d, func(c *ceremony) { c.self = self })
			for _, form := range []func(string) json.RawMessage{answer, text} {
				asked, c := asked(t, m, s)
				p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: form(d.get(c))})
				if err != nil {
					t.Fatalf("%s: %v: %s", name, err, reason(err))
				}
				if p.Identity != "idn_ada" || p.Credential != made.ID || p.Method != "passkey" || !p.Bound || !p.At.Equal(noon()) {
					t.Errorf("%s: %+v", name, p)
				}
				if p.Renew == nil || !p.Renew.UsedAt.Equal(noon()) || p.Renew.ID != made.ID || p.Renew.Lookup != made.Lookup {
					t.Errorf("%s renews %+v", name, p.Renew)
				}
			}
		}
	}
}

func TestAVerifiedUserCountsTwoFactorsAndATouchOne(t *testing.T) {
	m := newMethod(t)
	for name, c := range map[string]struct {
		made, shown byte
		mediation   string
		want        countersign.Factor
	}{
		"verified both times":                                  {present | verified, present | verified, "", countersign.Has | countersign.Is},
		"verified, then only touched":                          {present | verified, present, "", countersign.Has},
		"touched both times":                                   {present, present, "", countersign.Has},
		"a PIN that was set after it was made counts nothing":  {present, present | verified, "", countersign.Has},
		"made in silence by a password manager, then verified": {eligible | backedUp, present | verified | eligible, "conditional", countersign.Has | countersign.Is},
		"made in silence by what is no password manager":       {0, present | verified, "conditional", countersign.Has},
	} {
		s, d := ada(), newDevice(t, -7)
		prepared, made := prepared(t, m, s)
		made.flags = c.made | attested
		in := mustJSON(map[string]any{"method": "passkey", "mediation": c.mediation, "response": json.RawMessage(d.create(made))})
		credential, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: prepared.Keep, Answer: in})
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, reason(err))
		}
		s.Credentials = []countersign.Credential{credential}
		asked, got := asked(t, m, s)
		got.flags = c.shown
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(got))})
		if err != nil || p.Factor != c.want {
			t.Errorf("%s: factors %b, %v: %s", name, p.Factor, err, reason(err))
		}
		if p.Hard { // nobody but itself says where its key is
			t.Errorf("%s: its key is believed to stay in the device", name)
		}
	}
}

func TestACounterAndTheBackupStateAreKept(t *testing.T) {
	m := newMethod(t)
	s, d := ada(), newDevice(t, -7)
	enrolled(t, m, &s, d, func(c *ceremony) { c.flags |= eligible })
	check := func(counter uint32, flags byte) error {
		asked, c := asked(t, m, s)
		c.counter, c.flags = counter, flags
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))})
		if err == nil {
			s.Credentials[0] = *p.Renew
		}
		return err
	}
	usual := byte(present | verified | eligible)
	for _, n := range []uint32{0, 0, 7, 8, 100} { // some authenticators never count
		if err := check(n, usual); err != nil {
			t.Fatalf("counter %d: %v: %s", n, err, reason(err))
		}
	}
	for _, n := range []uint32{100, 99, 0} {
		if err := check(n, usual); reason(err) != "counter went back" {
			t.Errorf("counter %d after 100: %v: %s", n, err, reason(err))
		}
	}
	if m.Detail(s.Credentials[0])["synced"] != false {
		t.Error("synced before it was")
	}
	if err := check(101, usual|backedUp); err != nil || m.Detail(s.Credentials[0])["synced"] != true {
		t.Errorf("backed up: %v", err)
	}
}

func TestOneOfSeveralPasskeysProves(t *testing.T) {
	m := newMethod(t)
	s := ada()
	devices := []*device{newDevice(t, -7), newDevice(t, -8), newDevice(t, -7)}
	for _, d := range devices {
		enrolled(t, m, &s, d)
	}
	s.Credentials = append(s.Credentials, countersign.Credential{Method: "password", Identity: s.Identity})
	for i, d := range devices {
		if string(d.user) != "idn_ada" {
			t.Errorf("passkey %d calls its owner %q", i, d.user)
		}
		asked, c := asked(t, m, s)
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))})
		if err != nil || p.Credential != s.Credentials[i].ID {
			t.Errorf("passkey %d proves as %s: %v", i, p.Credential, err)
		}
	}
}

// Who has a passkey, and which, is nobody's business before they have proved something.
func TestAStrangerIsAskedLikeAnyone(t *testing.T) {
	m := newMethod(t)
	s := ada()
	made := enrolled(t, m, &s, newDevice(t, -7), func(c *ceremony) { c.transports = []string{"usb", "nfc", "usb", "no such thing!", ""} })
	known, _ := asked(t, m, s)
	stranger, _ := asked(t, m, countersign.Subject{Address: s.Address})
	plain := func(c countersign.Challenge) string {
		return strings.ReplaceAll(string(c.Show), shown(t, c).PublicKey.Challenge, "")
	}
	if plain(known) != plain(stranger) || len(known.Show) != len(stranger.Show) || known.Tries != stranger.Tries || !known.Expires.Equal(stranger.Expires) {
		t.Errorf("known:\n%s\nstranger:\n%s", known.Show, stranger.Show)
	}
	if !strings.Contains(string(known.Show), `"allowCredentials":[]`) {
		t.Errorf("asked of somebody who proved nothing: %s", known.Show)
	}
	s.Proved = true
	proved, _ := asked(t, m, s)
	allowed := shown(t, proved).PublicKey.AllowCredentials
	if len(allowed) != 1 || allowed[0].ID != made.Lookup || allowed[0].Type != "public-key" || !slices.Equal(allowed[0].Transports, []string{"nfc", "usb"}) {
		t.Errorf("asked of somebody who has proved: %+v", allowed)
	}
}

func TestTheOptionsAreWhatBrowsersParse(t *testing.T) {
	m := newMethod(t)
	s := ada()
	c, _ := asked(t, m, s)
	if o := shown(t, c).PublicKey; len(o.Challenge) != 43 || o.RPID != rpID || o.UserVerification != "preferred" || o.Timeout != 300_000 {
		t.Errorf("to sign in: %s", c.Show)
	}
	if c.Tries != 5 || !c.Expires.Equal(noon().Add(5*time.Minute)) || c.Method != "passkey" || strings.Contains(string(c.Keep), "ada@") {
		t.Errorf("%d tries until %s, kept %s", c.Tries, c.Expires, c.Keep)
	}
	made := enrolled(t, m, &s, newDevice(t, -7))
	c, _ = prepared(t, m, s)
	o := shown(t, c).PublicKey
	want := map[string]string{"id": b64.EncodeToString([]byte("idn_ada")), "name": "ada@example.com", "displayName": "Ada"}
	if diff := cmp.Diff(want, o.User); diff != "" {
		t.Error(diff)
	}
	if len(o.ExcludeCredentials) != 1 || o.ExcludeCredentials[0].ID != made.Lookup {
		t.Errorf("excluded: %+v", o.ExcludeCredentials)
	}
	if o.RP["id"] != rpID || o.RP["name"] != "Example" || o.Attestation != "none" || o.AuthenticatorSelection["residentKey"] != "preferred" ||
		o.AuthenticatorSelection["userVerification"] != "preferred" || len(o.PubKeyCredParams) != 3 || o.PubKeyCredParams[0].Alg != -7 ||
		o.PubKeyCredParams[1].Alg != -8 || o.PubKeyCredParams[2].Alg != -257 {
		t.Errorf("to make one: %s", c.Show)
	}
	c, _ = prepared(t, newMethod(t, strict, func(o *passkey.Options) { o.Direct = true }), s)
	if o := shown(t, c).PublicKey; o.Attestation != "direct" || o.AuthenticatorSelection["userVerification"] != "required" {
		t.Errorf("strictly: %s", c.Show)
	}
}

func TestAPasskeyNamesItsOwnerSoThatNobodyElseNeedTo(t *testing.T) {
	m := newMethod(t)
	s, d := ada(), newDevice(t, -7)
	made := enrolled(t, m, &s, d)
	asked, c := asked(t, m, countersign.Subject{})
	for _, form := range []func(string) json.RawMessage{answer, text} {
		if got := m.Names(form(d.get(c))); got != made.Lookup {
			t.Errorf("named %q, want %q", got, made.Lookup)
		}
	}
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); err != nil || p.Identity != s.Identity {
		t.Errorf("nobody named: %v: %s", err, reason(err))
	}
	c.user = []byte{} // an authenticator that finds a passkey by itself says whose it is
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("nobody named, not even by the passkey: %v", err)
	}
	for _, bad := range []string{"", "{}", "[]", `{"response":1}`, `{"response":"x"}`, `{"response":{"id":"AA"}}`, `{"response":{"id":"AA","rawId":"AQ","type":"public-key"}}`} {
		if got := m.Names(json.RawMessage(bad)); got != "" {
			t.Errorf("%s names %q", bad, got)
		}
	}
}

// Somebody who signs up has no id yet; all their passkeys call them the same all the same.
func TestASignUpWithAPasskeyAlone(t *testing.T) {
	m := newMethod(t)
	s, d := countersign.Subject{Address: "new@example.com"}, newDevice(t, -7)
	made := enrolled(t, m, &s, d)
	made.Identity, s.Identity = "idn_new", "idn_new"
	s.Credentials = []countersign.Credential{made}
	asked, c := asked(t, m, countersign.Subject{})
	if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); err != nil || p.Identity != "idn_new" {
		t.Errorf("%v: %s", err, reason(err))
	}
	first := d.user
	second := newDevice(t, -8)
	enrolled(t, m, &s, second)
	if len(first) != 32 || string(first) != string(second.user) {
		t.Errorf("called %x, then %x", first, second.user)
	}
}

func TestANewPasskeyIsNamedAfterWhatMadeIt(t *testing.T) {
	m := newMethod(t)
	enroll := func(model, name string) (countersign.Credential, error) {
		s, d := ada(), newDevice(t, -7)
		id, _ := hexBytes(strings.ReplaceAll(model, "-", ""))
		copy(d.aaguid[:], id)
		asked, c := prepared(t, m, s)
		c.transports, c.discoverable, c.flags = []string{"internal"}, true, c.flags|eligible|backedUp
		in := mustJSON(map[string]any{"method": "passkey", "name": name, "response": json.RawMessage(d.create(c))})
		return m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: in})
	}
	for model, want := range map[string]string{
		"fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain", "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
		"00000000-0000-0000-0000-000000000000": "Passkey", "12345678-0000-0000-0000-000000000000": "Passkey",
	} {
		got, err := enroll(model, " ")
		if err != nil || got.Name != want {
			t.Errorf("%s is called %q: %v", model, got.Name, err)
		}
		detail := m.Detail(got)
		delete(detail, "credential_id")
		provider := map[bool]string{true: "", false: want}[want == "Passkey"]
		if diff := cmp.Diff(map[string]any{
			"aaguid": model, "provider": provider, "icon": "phone", "synced": true, "transports": []string{"internal"}, "rp_id": rpID,
			"user_id": b64.EncodeToString([]byte("idn_ada")),
		}, detail); diff != "" {
			t.Error(diff)
		}
	}
	if got, err := enroll("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "  My phone "); err != nil || got.Name != "My phone" {
		t.Errorf("called %q: %v", got.Name, err)
	}
	for _, bad := range []string{"a\nb", "\u202e\x00", strings.Repeat("x", 201)} {
		if _, err := enroll("00000000-0000-0000-0000-000000000000", bad); !errors.Is(err, countersign.ErrMalformed) {
			t.Errorf("a name %q: %v", bad, err)
		}
	}
	if m.Detail(countersign.Credential{})["aaguid"] != "" {
		t.Error("a passkey that cannot be read has details")
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for name, change := range map[string]func(*passkey.Options){
		"no RP ID":                     func(o *passkey.Options) { o.RPID = "" },
		"no origin":                    func(o *passkey.Options) { o.Origins = nil },
		"no clock":                     func(o *passkey.Options) { o.Now = nil },
		"an origin with a path":        func(o *passkey.Options) { o.Origins = []string{origin + "/"} },
		"an origin with a user":        func(o *passkey.Options) { o.Origins = []string{"https://a@example.com"} },
		"a domain":                     func(o *passkey.Options) { o.Origins = []string{rpID} },
		"models that nobody vouches":   func(o *passkey.Options) { o.Allow = []string{"fbfc3007-154e-4ecc-8c0b-6e020557d7bd"} },
		"metadata that is none":        func(o *passkey.Options) { o.Direct, o.Metadata = true, []byte("x") },
		"metadata without being asked": func(o *passkey.Options) { o.Metadata = []byte("a.b.c") },
	} {
		o := passkey.Options{RPID: rpID, Origins: []string{origin}, Now: noon}
		change(&o)
		if _, err := passkey.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestAnOriginIsTakenAsBrowsersWriteIt(t *testing.T) {
	m := newMethod(t, func(o *passkey.Options) { o.Origins = []string{"HTTPS://ID.example.com:443", "http://localhost:8440"} })
	s, d := ada(), newDevice(t, -7)
	enrolled(t, m, &s, d)
	for _, from := range []string{origin, "http://localhost:8440"} {
		get, c := asked(t, m, s)
		c.origin = from
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(d.get(c))}); err != nil {
			t.Errorf("%s: %v: %s", from, err, reason(err))
		}
	}
}

func TestTheFormsAndTheWordsAreThere(t *testing.T) {
	m := newMethod(t)
	for _, name := range []string{"form.html", "enroll.html", "en.toml", "de.toml"} {
		if b, err := fs.ReadFile(m.Files(), name); err != nil || len(b) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m.Name() != "passkey" || m.Factor() != countersign.Has|countersign.Is || m.Collection() != (countersign.Collection{Path: "passkeys", Most: 25}) {
		t.Error("it is called or counted otherwise")
	}
}
