package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/proof/passkey"
)

// shut reports whether a caller may see the error: no proof, and no failure of ours.
func shut(err error) bool {
	return errors.Is(err, countersign.ErrNoMatch) || errors.Is(err, countersign.ErrMalformed)
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

func cut(to int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:min(to, len(b))] }
}

func add(more ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(bytes.Clone(b), more...) }
}

// Each is the right answer but for one thing, and the audit log is told which.
func TestASignInThatIsWrongInOneThingProvesNothing(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	enrolled(t, m, &s, d, func(c *ceremony) { c.counter = 5 })
	other := newDevice(t, -7)
	for what, c := range map[string]struct {
		change func(*ceremony)
		reason string
	}{
		"another origin":            {func(c *ceremony) { c.origin = "https://evil.example" }, "another origin"},
		"an origin below ours":      {func(c *ceremony) { c.origin = "https://a.id.example.com" }, "another origin"},
		"an origin above ours":      {func(c *ceremony) { c.origin = "https://example.com" }, "another origin"},
		"our origin by http":        {func(c *ceremony) { c.origin = "http://id.example.com" }, "another origin"},
		"our origin at a port":      {func(c *ceremony) { c.origin = origin + ":8443" }, "another origin"},
		"our origin with a path":    {func(c *ceremony) { c.origin = origin + "/x" }, "another origin"},
		"our origin in capitals":    {func(c *ceremony) { c.origin = "https://ID.example.com" }, "another origin"},
		"no origin":                 {func(c *ceremony) { c.origin = "" }, "another origin"},
		"a null origin":             {func(c *ceremony) { c.client = map[string]any{"origin": nil} }, "another origin"},
		"a list of origins":         {func(c *ceremony) { c.client = map[string]any{"origin": []string{origin}} }, "the client data is not of its form"},
		"another RP ID":             {func(c *ceremony) { c.rpID = "evil.example" }, "another RP ID"},
		"an RP ID below ours":       {func(c *ceremony) { c.rpID = "id.example.com" }, "another RP ID"},
		"the type of a creation":    {func(c *ceremony) { c.kind = "webauthn.create" }, "the client data is of another ceremony"},
		"the type of a payment":     {func(c *ceremony) { c.kind = "payment.get" }, "the client data is of another ceremony"},
		"no type":                   {func(c *ceremony) { c.kind = "" }, "the client data is of another ceremony"},
		"another challenge":         {func(c *ceremony) { c.challenge = b64.EncodeToString(make([]byte, 32)) }, "another challenge"},
		"half the challenge":        {func(c *ceremony) { c.challenge = c.challenge[:20] }, "another challenge"},
		"the challenge with an end": {func(c *ceremony) { c.challenge += "=" }, "another challenge"},
		"no challenge":              {func(c *ceremony) { c.challenge = "" }, "another challenge"},
		"from a foreign frame":      {func(c *ceremony) { c.client = map[string]any{"crossOrigin": true} }, "from a frame of another origin"},
		"with a top origin":         {func(c *ceremony) { c.client = map[string]any{"topOrigin": origin} }, "from a frame of another origin"},
		"a frame that is text":      {func(c *ceremony) { c.client = map[string]any{"crossOrigin": "false"} }, "the client data is not of its form"},
		"nobody present":            {func(c *ceremony) { c.flags &^= present }, "nobody was present"},
		"no flags at all":           {func(c *ceremony) { c.flags = 0 }, "nobody was present"},
		"backed up, not eligible":   {func(c *ceremony) { c.flags |= backedUp }, "backed up without being eligible for it"},
		"eligible of a sudden":      {func(c *ceremony) { c.flags |= eligible }, "backup eligibility changed"},
		"the same counter":          {func(c *ceremony) { c.counter = 5 }, "counter went back"},
		"a lower counter":           {func(c *ceremony) { c.counter = 4 }, "counter went back"},
		"no counter any more":       {func(c *ceremony) { c.counter = 0 }, "counter went back"},
		"another's handle":          {func(c *ceremony) { c.user = []byte("idn_eve") }, "the passkey names somebody else"},
		"the handle and more":       {func(c *ceremony) { c.user = []byte("idn_ada2") }, "the passkey names somebody else"},
		"another passkey's id":      {func(c *ceremony) { c.id = other.id }, "no such identity, or it has no such passkey"},
		"an id with more to it":     {func(c *ceremony) { c.id = append(bytes.Clone(d.id), 0) }, "no such identity, or it has no such passkey"},
		"a changed signature":       {func(c *ceremony) { c.signature = flip(-1) }, "wrong signature"},
		"a short signature":         {func(c *ceremony) { c.signature = cut(40) }, "wrong signature"},
		"a signature and more":      {func(c *ceremony) { c.signature = add(0) }, "wrong signature"},
		"a signature of noughts":    {func(c *ceremony) { c.signature = func([]byte) []byte { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0} } }, "wrong signature"},
		"no signature":              {func(c *ceremony) { c.signature = func([]byte) []byte { return nil } }, ""},
		"data changed after":        {func(c *ceremony) { c.late = flip(36) }, "wrong signature"},
		"short data":                {func(c *ceremony) { c.authData = cut(36) }, "the authenticator data is not of its form"},
		"data and more":             {func(c *ceremony) { c.authData = add(0) }, "the authenticator data is not of its form"},
		"extensions that are not":   {func(c *ceremony) { c.flags |= extended }, "the authenticator data is not of its form"},
		"a passkey that is not":     {func(c *ceremony) { c.flags |= attested }, "the authenticator data is not of its form"},
		"client data twice":         {func(c *ceremony) { c.clientText = "{}{}" }, "the client data is not of its form"},
		"client data in a list":     {func(c *ceremony) { c.clientText = "[]" }, "the client data is not of its form"},
		"a type in client data twice": {func(c *ceremony) {
			c.clientText = `{"type":"webauthn.create","type":"webauthn.get","challenge":"` + c.challenge + `","origin":"` + origin + `"}`
		}, "the client data is not of its form"},
		"names in capitals": {func(c *ceremony) {
			c.clientText = `{"Type":"webauthn.get","Challenge":"` + c.challenge + `","Origin":"` + origin + `"}`
		}, "the client data is of another ceremony"},
		"client data that is not UTF-8": {func(c *ceremony) { c.clientText = "{\"type\":\"\xff\"}" }, "the client data is not of its form"},
	} {
		asked, right := asked(t, m, s)
		right.counter = 6
		if p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(right))}); err != nil || p.Identity == "" {
			t.Fatalf("the right answer: %v: %s", err, reason(err))
		}
		c.change(&right)
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(right))})
		if !shut(err) || p.Identity != "" || reason(err) != c.reason {
			t.Errorf("%s: %v for %q, want %q; a proof of %q", what, err, reason(err), c.reason, p.Identity)
		}
	}
}

func TestUserVerificationIsNeededWhereItIsRequired(t *testing.T) {
	m := newMethod(t, strict)
	s, d := ada(), newDevice(t, -7)
	enrolled(t, m, &s, d)
	asked, c := asked(t, m, s)
	c.flags = present
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); reason(err) != "the user was not verified" {
		t.Errorf("to sign in: %v: %s", err, reason(err))
	}
	// What was asked counts, not what would be asked by now.
	if _, err := newMethod(t).Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); reason(err) != "the user was not verified" {
		t.Errorf("after the config changed: %v: %s", err, reason(err))
	}
	prepared, n := prepared(t, m, s)
	n.flags = present | attested
	if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: prepared.Keep, Answer: answer(newDevice(t, -7).create(n))}); reason(err) != "the user was not verified" {
		t.Errorf("to add one: %v: %s", err, reason(err))
	}
}

// The signature is somebody's, the challenge is fresh, and yet they do not belong together.
func TestAnAnswerCountsForWhomAndWhatItWasAskedAlone(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	enrolled(t, m, &s, d)
	eve := countersign.Subject{Identity: "idn_eve", Address: "eve@example.com", Proved: true}
	hers := newDevice(t, -7)
	enrolled(t, m, &eve, hers)
	first, c := asked(t, m, s)
	right := answer(d.get(c))
	second, _ := asked(t, m, s)
	create, _ := prepared(t, m, s)
	toEve, ec := asked(t, m, eve)
	nobody := s
	nobody.Identity = ""
	swapped := s
	swapped.Identity = "idn_eve"
	unnamed, uc := asked(t, m, countersign.Subject{})
	_, cc := prepared(t, m, s)
	cc.challenge = shown(t, create).PublicKey.Challenge
	cc.kind, cc.flags, cc.counter = c.kind, c.flags, c.counter
	short := c
	short.challenge = "AQ"
	emptied := s
	emptied.Credentials = []countersign.Credential{{Method: "passkey", Identity: "idn_ada"}}
	elsewhere := s
	elsewhere.Credentials = []countersign.Credential{s.Credentials[0]}
	elsewhere.Credentials[0].Method = "other"
	for what, e := range map[string]countersign.Evidence{
		"a replay to the next challenge":     {Subject: s, Asked: second.Keep, Answer: right},
		"no challenge":                       {Subject: s, Answer: right},
		"a challenge that is none":           {Subject: s, Asked: []byte("{"), Answer: right},
		"an empty challenge":                 {Subject: s, Asked: []byte("{}"), Answer: right},
		"an empty challenge for this":        {Subject: s, Asked: []byte(`{"for":"get"}`), Answer: right},
		"a challenge of one byte":            {Subject: s, Asked: []byte(`{"for":"get","challenge":"AQ=="}`), Answer: answer(d.get(short))},
		"the challenge of a creation":        {Subject: s, Asked: create.Keep, Answer: answer(d.get(cc))},
		"another's passkey under her name":   {Subject: swapped, Asked: unnamed.Keep, Answer: answer(d.get(uc))},
		"a challenge to somebody else":       {Subject: s, Asked: toEve.Keep, Answer: answer(d.get(ec))},
		"Eve's passkey for Ada":              {Subject: s, Asked: first.Keep, Answer: answer(hers.get(c))},
		"Ada's passkey for Eve":              {Subject: eve, Asked: toEve.Keep, Answer: answer(d.get(ec))},
		"nobody":                             {Subject: nobody, Asked: first.Keep, Answer: right},
		"a passkey of somebody else's by id": {Subject: swapped, Asked: first.Keep, Answer: right},
		"one who has no passkey":             {Subject: countersign.Subject{Identity: "idn_ada"}, Asked: first.Keep, Answer: right},
		"a passkey without a name":           {Subject: emptied, Asked: first.Keep, Answer: right},
		"a credential of another method":     {Subject: elsewhere, Asked: first.Keep, Answer: right},
	} {
		if p, err := m.Check(t.Context(), e); !errors.Is(err, countersign.ErrNoMatch) || p.Identity != "" || reason(err) == "" {
			t.Errorf("%s: %v: %s", what, err, reason(err))
		}
	}
	s.Credentials[0].Data = []byte("spoilt")
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: first.Keep, Answer: right}); err == nil || shut(err) {
		t.Errorf("a stored passkey that is broken is the caller's fault: %v", err)
	}
}

// Every value has one spelling, so that nothing compares equal to us and
// otherwise to somebody behind us.
func TestAResponseThatIsSpelledOtherwiseIsMalformed(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	d.id = []byte("an id of 22 characters") // its last character has bits to spare
	enrolled(t, m, &s, d)
	get, c := asked(t, m, s)
	right := d.get(c)
	id := b64.EncodeToString(d.id)
	stray := id[:len(id)-1] + string(id[len(id)-1]+1)
	for what, wrong := range map[string]string{
		"an id that is not rawId":  strings.Replace(right, `"id":"`+id, `"id":"AAAA`, 1),
		"a rawId that is not id":   strings.Replace(right, `"rawId":"`+id, `"rawId":"AAAA`, 1),
		"padding":                  strings.ReplaceAll(right, id, id+"=="),
		"a line end":               strings.Replace(right, `"rawId":"`, `"rawId":"\n`, 1),
		"stray bits":               strings.ReplaceAll(right, id, stray),
		"a rawId that is a number": strings.Replace(right, `"rawId":"`+id+`"`, `"rawId":1`, 1),
		"no rawId":                 strings.Replace(right, `"rawId"`, `"rawID"`, 1),
		"another type":             strings.Replace(right, "public-key", "password", 1),
		"no signature":             strings.Replace(right, `"signature"`, `"sig"`, 1),
		"no client data":           strings.Replace(right, `"clientDataJSON"`, `"clientData"`, 1),
		"transports as text":       strings.Replace(right, `"signature"`, `"transports":"usb","signature"`, 1),
		"extensions as a list":     strings.Replace(right, `"clientExtensionResults":{}`, `"clientExtensionResults":[]`, 1),
		"too much beside it":       `{"more":"` + strings.Repeat("x", 70_000) + `",` + right[1:],
	} {
		if wrong == right {
			t.Fatalf("%s changes nothing", what)
		}
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(wrong)}); !errors.Is(err, countersign.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	more := strings.Replace(right, `"response"`, `"largeBlob":{"any":[1]},"response"`, 1)
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(more)}); err != nil {
		t.Errorf("members of a later level: %v", err)
	}
}

// DER has one spelling of each signature (RFC 3279).
func TestOtherSpellingsOfASignatureAreRefused(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	enrolled(t, m, &s, d)
	for what, change := range map[string]func([]byte) []byte{
		"a leading nought in r": func(der []byte) []byte {
			var sig struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(der, &sig); err != nil {
				t.Fatal(err)
			}
			r, _ := asn1.Marshal(sig.R)
			s, _ := asn1.Marshal(sig.S)
			r = append([]byte{2, r[1] + 1, 0}, r[2:]...)
			return append([]byte{0x30, byte(len(r) + len(s))}, append(r, s...)...)
		},
		"r and s side by side": func(der []byte) []byte {
			var sig struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(der, &sig); err != nil {
				t.Fatal(err)
			}
			return append(sig.R.FillBytes(make([]byte, 32)), sig.S.FillBytes(make([]byte, 32))...)
		},
	} {
		asked, c := asked(t, m, s)
		c.signature = change
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}); reason(err) != "wrong signature" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestANewPasskeyThatIsWrongInOneThingIsNotAdded(t *testing.T) {
	m := newMethod(t)
	d := newDevice(t, -7)
	point := d.cose()
	with := func(key int, value any) map[int]any {
		out := map[int]any{}
		for k, v := range point {
			out[k] = v
		}
		out[key] = value
		return out
	}
	small := newDevice(t, -257).cose()
	small[-1] = bytes.Repeat([]byte{0xff}, 128)
	big := newDevice(t, -257).cose()
	big[-1] = bytes.Repeat([]byte{0xff}, 1024)
	large := newDevice(t, -257).cose()
	large[-1] = bytes.Repeat([]byte{0xff}, 513)
	one := newDevice(t, -257).cose()
	one[-2] = []byte{1}
	for what, change := range map[string]func(*ceremony){
		"another origin":                func(c *ceremony) { c.origin = "https://evil.example" },
		"another RP ID":                 func(c *ceremony) { c.rpID = "evil.example" },
		"the type of a sign-in":         func(c *ceremony) { c.kind = "webauthn.get" },
		"another challenge":             func(c *ceremony) { c.challenge = b64.EncodeToString(make([]byte, 32)) },
		"from a foreign frame":          func(c *ceremony) { c.client = map[string]any{"crossOrigin": true} },
		"with a top origin":             func(c *ceremony) { c.client = map[string]any{"topOrigin": origin} },
		"nobody present":                func(c *ceremony) { c.flags &^= present },
		"backed up, not eligible":       func(c *ceremony) { c.flags |= backedUp },
		"no passkey inside":             func(c *ceremony) { c.flags &^= attested; c.authData = cut(37) },
		"a flag without a passkey":      func(c *ceremony) { c.authData = cut(37) },
		"half a passkey":                func(c *ceremony) { c.authData = cut(80) },
		"a key and more":                func(c *ceremony) { c.authData = add(1, 2, 3) },
		"an empty id":                   func(c *ceremony) { c.id = []byte{} },
		"an id that is too long":        func(c *ceremony) { c.id = make([]byte, 1024) },
		"another id inside":             func(c *ceremony) { c.authData = flip(60) },
		"a key on another curve":        func(c *ceremony) { c.cose = with(-1, 2) },
		"a key off the curve":           func(c *ceremony) { c.cose = with(-2, make([]byte, 32)) },
		"a short coordinate":            func(c *ceremony) { c.cose = with(-2, make([]byte, 31)) },
		"an algorithm we did not ask":   func(c *ceremony) { c.cose = with(3, -36) },
		"a somewhat large RSA key":      func(c *ceremony) { c.cose = large },
		"ES256 by its newer number":     func(c *ceremony) { c.cose = with(3, -9) },
		"ES256K":                        func(c *ceremony) { c.cose = with(3, -47) },
		"no algorithm":                  func(c *ceremony) { c.cose = map[int]any{1: 2} },
		"a key of another type":         func(c *ceremony) { c.cose = with(1, 3) },
		"a symmetric key":               func(c *ceremony) { c.cose = map[int]any{1: 4, 3: 5, -1: make([]byte, 32)} },
		"a small RSA key":               func(c *ceremony) { c.cose = small },
		"a huge RSA key":                func(c *ceremony) { c.cose = big },
		"an RSA key with exponent one":  func(c *ceremony) { c.cose = one },
		"a key that is text":            func(c *ceremony) { c.cose = "key" },
		"an unknown attestation":        func(c *ceremony) { c.object = func(o map[string]any) { o["fmt"] = "own" } },
		"no attestation, with a part":   func(c *ceremony) { c.object = func(o map[string]any) { o["attStmt"] = map[string]any{"sig": 1} } },
		"a packed one without a sign":   func(c *ceremony) { c.object = func(o map[string]any) { o["fmt"] = "packed" } },
		"a wrong self-attestation":      func(c *ceremony) { c.self, c.signature = true, flip(-1) },
		"one by another key":            func(c *ceremony) { c.self, c.cose = true, newDevice(t, -7).cose() },
		"statements of the wrong types": func(c *ceremony) { c.object = func(o map[string]any) { o["attStmt"] = []int{1} } },
		"authenticator data as text":    func(c *ceremony) { c.object = func(o map[string]any) { o["authData"] = "x" } },
	} {
		s := ada()
		asked, c := prepared(t, m, s)
		if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(d.create(c))}); err != nil {
			t.Fatalf("the right answer: %v: %s", err, reason(err))
		}
		change(&c)
		got, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(d.create(c))})
		if !shut(err) || got.Lookup != "" {
			t.Errorf("%s: %v: %s, and a passkey %q", what, err, reason(err), got.Lookup)
		}
	}
}

func TestAPasskeyIsAddedOnceToWhomItWasPreparedFor(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	enrolled(t, m, &s, d)
	asked, c := prepared(t, m, s)
	get, _ := m.Challenge(t.Context(), s)
	var e *countersign.Error
	if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(d.create(c))}); !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Code != "already" {
		t.Errorf("the same again: %v", err)
	}
	fresh := newDevice(t, -7)
	eve := countersign.Subject{Identity: "idn_eve"}
	for what, tried := range map[string]struct {
		subject countersign.Subject
		keep    []byte
	}{
		"of somebody else":  {eve, asked.Keep},
		"of nobody":         {countersign.Subject{}, asked.Keep},
		"without asking":    {s, nil},
		"by nothing":        {s, []byte("{}")},
		"by a sign-in":      {s, get.Keep},
		"by another answer": {s, mustKeep(t, m, s)},
	} {
		if got, err := m.Enroll(t.Context(), tried.subject, countersign.Evidence{Asked: tried.keep, Answer: answer(fresh.create(c))}); !errors.Is(err, countersign.ErrNoMatch) || got.Lookup != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, in := range map[string]string{
		"a mediation that is none": `{"mediation":"silent","response":` + fresh.create(c) + `}`,
		"a name that is a number":  `{"name":1,"response":` + fresh.create(c) + `}`,
		"a member of its own":      `{"identity":"idn_eve","response":` + fresh.create(c) + `}`,
		"nothing":                  ``,
		"no response":              `{"name":"x"}`,
		"a sign-in":                `{"response":` + fresh.get(c) + `}`,
	} {
		if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: json.RawMessage(in)}); !errors.Is(err, countersign.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func mustKeep(t *testing.T, m *passkey.Method, s countersign.Subject) []byte {
	c, _ := prepared(t, m, s)
	return c.Keep
}

// What is too much to be read is refused before it is.
func TestBombsAreRefusedQuickly(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	prepare, c := prepared(t, m, s)
	head := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt"...)
	for what, raw := range map[string][]byte{
		"arrays in arrays":              append(bytes.Clone(head), bytes.Repeat([]byte{0x81}, 10_000)...),
		"maps in maps":                  append(bytes.Clone(head), bytes.Repeat([]byte{0xa1, 0x00}, 5_000)...),
		"an array of 2^64 - 1":          append(bytes.Clone(head), 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"a map of 2^63":                 append(bytes.Clone(head), 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0),
		"bytes of 2^62":                 append(bytes.Clone(head), 0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0),
		"text of 2^32":                  append(bytes.Clone(head), 0x7b, 0, 0, 0, 1, 0, 0, 0, 0),
		"an array without an end":       append(bytes.Clone(head), bytes.Repeat([]byte{0x9f}, 10_000)...),
		"bytes without an end":          append(bytes.Clone(head), 0x5f, 0x41, 0x00),
		"tags on tags":                  append(bytes.Clone(head), bytes.Repeat([]byte{0xc6}, 10_000)...),
		"a big number":                  append(bytes.Clone(head), 0xc2, 0x59, 0x20, 0x00),
		"the same name twice":           []byte("\xa2\x63fmt\x64none\x63fmt\x64none"),
		"a map with a map for a name":   []byte("\xa1\xa1\x01\x02\x03"),
		"a hundred thousand bytes":      make([]byte, 100_000),
		"a break alone":                 {0xff},
		"a reserved length":             {0x1c},
		"a simple value that is not":    {0xf8, 0x00},
		"nothing but a map of the kind": {0xa0},
	} {
		c.raw = raw
		if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: prepare.Keep, Answer: answer(d.create(c))}); !shut(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.raw = nil
	for what, key := range map[string]string{"deep": strings.Repeat("\x81", 5_000), "wide": "\xbb\xff\xff\xff\xff\xff\xff\xff\xff"} {
		c.authData = func(b []byte) []byte { return append(b[:37+18+32:37+18+32], key...) }
		if _, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: prepare.Keep, Answer: answer(d.create(c))}); !shut(err) {
			t.Errorf("a %s key: %v", what, err)
		}
	}
	enrolled(t, m, &s, d)
	get, g := asked(t, m, s)
	for what, more := range map[string]string{"deep": strings.Repeat("\x81", 5_000), "wide": "\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "a list": "\x80"} {
		g.flags |= extended
		g.authData = add([]byte(more)...)
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(d.get(g))}); !shut(err) {
			t.Errorf("%s extensions: %v", what, err)
		}
	}
	for what, in := range map[string]string{
		"lists in lists": strings.Repeat("[", 50_000), "objects in objects": strings.Repeat(`{"a":`, 50_000), "text in text": `{"response":"\"\\\"x\\\"\""}`,
		"much text": `{"response":"` + strings.Repeat("x", 1<<20) + `"}`, "a deep response": `{"response":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`,
		"a long id": `{"response":{"id":"` + strings.Repeat("A", 2000) + `","rawId":"` + strings.Repeat("A", 2000) + `","type":"public-key"}}`,
	} {
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: json.RawMessage(in)}); !errors.Is(err, countersign.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Cut anywhere, both answers are refused.
func TestWhatIsCutShortIsRefused(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	prepare, n := prepared(t, m, s)
	n.self = true
	made := answer(d.create(n))
	enrolled(t, m, &s, d)
	get, c := asked(t, m, s)
	got := answer(d.get(c))
	for i := range got {
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: got[:i]}); !errors.Is(err, countersign.ErrMalformed) {
			t.Fatalf("%d bytes of a sign-in: %v", i, err)
		}
	}
	for i := range made {
		if _, err := m.Enroll(t.Context(), ada(), countersign.Evidence{Asked: prepare.Keep, Answer: made[:i]}); !errors.Is(err, countersign.ErrMalformed) {
			t.Fatalf("%d bytes of a new passkey: %v", i, err)
		}
	}
	var whole []byte
	n.object = func(o map[string]any) { whole = mustCBOR(o) }
	d.create(n)
	for i := range whole {
		n.raw, n.object = whole[:i], nil
		if i == 0 {
			continue
		}
		if _, err := m.Enroll(t.Context(), ada(), countersign.Evidence{Asked: prepare.Keep, Answer: answer(d.create(n))}); !shut(err) {
			t.Fatalf("%d bytes of an attestation: %v", i, err)
		}
	}
}

// Browsers spell client data as they like; what counts is what was signed.
func TestASignatureIsOverWhatTheBrowserSentToTheByte(t *testing.T) {
	m, s := newMethod(t), ada()
	d := newDevice(t, -7)
	enrolled(t, m, &s, d)
	get, c := asked(t, m, s)
	c.clientText = "{ \"type\" : \"webauthn.get\",\n\"challenge\":\"" + c.challenge + "\",\"origin\":\"" + origin + "\" }"
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(d.get(c))}); err != nil {
		t.Errorf("client data spelled otherwise: %v: %s", err, reason(err))
	}
	sum := sha256.Sum256([]byte("x"))
	key := d.key.(*ecdsa.PrivateKey)
	sig, err := ecdsa.SignASN1(nil, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	c.signature = func([]byte) []byte { return sig }
	if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(d.get(c))}); reason(err) != "wrong signature" {
		t.Errorf("a signature over something else: %v", err)
	}
}
