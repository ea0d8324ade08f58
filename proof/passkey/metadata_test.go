package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/proof/passkey"
)

// signer is a certificate with its key: a root, or somebody it vouches for.
type signer struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newSigner(t *testing.T, by *signer, change func(*x509.Certificate)) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test", Country: []string{"CH"}, Organization: []string{"Test"}},
		NotBefore: noon().AddDate(-10, 0, 0), NotAfter: noon().AddDate(10, 0, 0), BasicConstraintsValid: true,
	}
	change(draft)
	if by == nil {
		by = &signer{key, draft}
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key, cert}
}

func authority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// maker vouches for the authenticators of one model.
type maker struct {
	root, batch *signer
	model       uuid.UUID
}

func newMaker(t *testing.T, model string) maker {
	t.Helper()
	m := maker{root: newSigner(t, nil, authority), model: uuid.MustParse(model)}
	m.batch = newSigner(t, m.root, func(c *x509.Certificate) {
		c.Subject.OrganizationalUnit = []string{"Authenticator Attestation"} // WebAuthn section 8.2.1
		inner, err := asn1.Marshal(m.model[:])
		if err != nil {
			t.Fatal(err)
		}
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: inner}}
	})
	return m
}

// attest has the maker sign a new passkey.
func (k maker) attest(c *ceremony) {
	client := c.clientData()
	c.object = func(o map[string]any) {
		sum := sha256.Sum256(client)
		whole := sha256.Sum256(append(append([]byte{}, o["authData"].([]byte)...), sum[:]...))
		sig, err := k.batch.key.Sign(rand.Reader, whole[:], crypto.SHA256)
		if err != nil {
			panic(err)
		}
		o["fmt"], o["attStmt"] = "packed", map[string]any{"alg": -7, "sig": sig, "x5c": []any{k.batch.cert.Raw}}
	}
}

func (k maker) entry(status string) map[string]any {
	return map[string]any{
		"aaguid": k.model.String(), "timeOfLastStatusChange": "2026-01-01",
		"statusReports": []any{map[string]any{"status": status, "effectiveDate": "2026-01-01"}},
		"metadataStatement": map[string]any{
			"aaguid": k.model.String(), "description": "Test key", "authenticatorVersion": 1, "protocolFamily": "fido2", "schema": 3,
			"upv": []any{map[string]any{"major": 1, "minor": 0}}, "authenticationAlgorithms": []string{"secp256r1_ecdsa_sha256_raw"},
			"publicKeyAlgAndEncodings": []string{"cose"}, "attestationTypes": []string{"basic_full"},
			"userVerificationDetails": []any{}, "keyProtection": []string{"hardware"}, "matcherProtection": []string{"on_chip"},
			"attachmentHint": []string{"external"}, "tcDisplay": []string{},
			"attestationRootCertificates": []string{base64.StdEncoding.EncodeToString(k.root.cert.Raw)},
		},
	}
}

// blob is metadata as FIDO publishes it: a JWS (RFC 7515) with its certificates.
func blob(t *testing.T, by *signer, header map[string]any, next string, entries ...any) []byte {
	t.Helper()
	all := map[string]any{"alg": "ES256", "typ": "JWT", "x5c": []string{base64.StdEncoding.EncodeToString(by.cert.Raw)}}
	for name, value := range header {
		all[name] = value
	}
	text := b64.EncodeToString(mustJSON(all)) + "." + b64.EncodeToString(mustJSON(map[string]any{"no": 1, "nextUpdate": next, "legalHeader": "test", "entries": entries}))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, by.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text + "." + b64.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)) + "\n")
}

func TestWithMetadataOnlyModelsThatItVouchesForAreAdded(t *testing.T) {
	fido := newSigner(t, nil, authority)
	publisher := newSigner(t, fido, func(*x509.Certificate) {})
	good, revoked := newMaker(t, "11111111-1111-4111-8111-111111111111"), newMaker(t, "22222222-2222-4222-8222-222222222222")
	unlisted, copied := newMaker(t, "33333333-3333-4333-8333-333333333333"), newMaker(t, good.model.String())
	second := newMaker(t, "44444444-4444-4444-8444-444444444444")
	text := blob(t, publisher, nil, "2027-01-01", good.entry("FIDO_CERTIFIED"), revoked.entry("REVOKED"), second.entry("FIDO_CERTIFIED"))
	m := newMethod(t, func(o *passkey.Options) {
		o.Direct, o.Metadata, o.MetadataRoot, o.Allow = true, text, fido.cert.Raw, []string{good.model.String(), revoked.model.String(), unlisted.model.String()}
	})
	if want := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !m.MetadataUntil().Equal(want) {
		t.Errorf("good until %s", m.MetadataUntil())
	}
	for what, c := range map[string]struct {
		by   *maker
		self bool
		want string
	}{
		"a model that is listed":            {&good, false, ""},
		"a model that was revoked":          {&revoked, false, "not_allowed"},
		"a model that nobody knows":         {&unlisted, false, "not_allowed"},
		"a model by another's root":         {&copied, false, "not_allowed"},
		"a model that is not let in":        {&second, false, "not_allowed"},
		"no attestation":                    {nil, false, "not_allowed"},
		"a passkey that vouches for itself": {nil, true, "not_allowed"},
	} {
		s, d := ada(), newDevice(t, -7)
		d.aaguid = good.model
		asked, ceremony := prepared(t, m, s)
		ceremony.self = c.self
		if c.by != nil {
			d.aaguid = c.by.model
			c.by.attest(&ceremony)
		}
		made, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(d.create(ceremony))})
		var e *countersign.Error
		errors.As(err, &e)
		switch {
		case c.want == "" && (err != nil || made.Lookup == ""):
			t.Errorf("%s: %v: %s", what, err, reason(err))
		case c.want != "" && (e == nil || len(e.Fields) != 1 || e.Fields[0].Code != c.want):
			t.Errorf("%s: %v: %s", what, err, reason(err))
		}
	}
	// A certificate of one model says nothing of another.
	s, d := ada(), newDevice(t, -7)
	d.aaguid = second.model
	asked, c := prepared(t, m, s)
	good.attest(&c)
	if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(d.create(c))}); !errors.Is(err, countersign.ErrNoMatch) {
		t.Errorf("a certificate of another model: %v", err)
	}
}

func TestMetadataThatNobodyVouchesForIsRefused(t *testing.T) {
	fido, other := newSigner(t, nil, authority), newSigner(t, nil, authority)
	publisher := newSigner(t, fido, func(*x509.Certificate) {})
	late := newSigner(t, fido, func(c *x509.Certificate) { c.NotBefore = noon().AddDate(1, 0, 0) })
	good := newMaker(t, "11111111-1111-4111-8111-111111111111").entry("FIDO_CERTIFIED")
	open := func(text []byte, root *signer) error {
		_, err := passkey.New(passkey.Options{RPID: rpID, Origins: []string{origin}, Now: noon, Direct: true, Metadata: text, MetadataRoot: root.cert.Raw})
		return err
	}
	right := blob(t, publisher, nil, "2027-01-01", good)
	if err := open(right, fido); err != nil {
		t.Fatal(err)
	}
	if err := open(blob(t, publisher, nil, "2020-01-01", good), fido); err != nil {
		t.Errorf("metadata that is old but was right: %v", err)
	}
	past := newSigner(t, fido, func(c *x509.Certificate) { c.NotAfter = noon().AddDate(-1, 0, 0) })
	if err := open(blob(t, past, nil, "2024-06-01", good), fido); err != nil {
		t.Errorf("metadata by one whose time has passed since: %v", err)
	}
	parts := strings.Split(string(right), ".")
	var payload map[string]any
	raw, _ := b64.DecodeString(parts[1])
	if err := json.Unmarshal(raw, &payload); err != nil {
		t.Fatal(err)
	}
	payload["no"] = 2
	changed := parts[0] + "." + b64.EncodeToString(mustJSON(payload)) + "." + parts[2]
	for what, c := range map[string]struct {
		text []byte
		root *signer
	}{
		"under another root":              {right, other},
		"changed":                         {[]byte(changed), fido},
		"signed by nobody":                {[]byte(parts[0] + "." + parts[1] + "."), fido},
		"signed with none":                {blob(t, publisher, map[string]any{"alg": "none"}, "2027-01-01", good), fido},
		"signed with another algorithm":   {blob(t, publisher, map[string]any{"alg": "HS256"}, "2027-01-01", good), fido},
		"by a stranger":                   {blob(t, newSigner(t, other, func(*x509.Certificate) {}), nil, "2027-01-01", good), fido},
		"by one who is not yet":           {blob(t, late, nil, "2027-01-01", good), fido},
		"by one whose time had passed":    {blob(t, past, nil, "2027-01-01", good), fido},
		"without certificates":            {blob(t, publisher, map[string]any{"x5c": []string{}}, "2027-01-01", good), fido},
		"with certificates to be fetched": {blob(t, publisher, map[string]any{"x5u": "https://example.com"}, "2027-01-01", good), fido},
		"without a date":                  {blob(t, publisher, nil, "soon", good), fido},
		"half":                            {right[:len(right)/2], fido},
		"empty parts":                     {[]byte(".."), fido},
	} {
		if err := open(c.text, c.root); err == nil {
			t.Errorf("metadata %s is accepted", what)
		}
	}
}
