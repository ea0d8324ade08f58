package passkey_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/countersign-id/countersign"
)

// Whatever the bytes and the challenge are: no proof, no failure of ours, no panic.
func FuzzCheck(f *testing.F) {
	m, s := newMethod(f), ada()
	d := newDevice(f, -7)
	enrolled(f, m, &s, d)
	c, right := asked(f, m, s)
	f.Add(string(answer(d.get(right))), c.Keep)
	f.Add(string(text(d.get(right))), []byte(`{"for":"get"}`))
	right.origin = "https://evil.example"
	f.Add(string(answer(d.get(right))), c.Keep)
	right.flags |= extended
	right.authData = add(0xa1, 0x61, 0x61, 0x81)
	f.Add(string(answer(d.get(right))), c.Keep)
	f.Add(`{"response":"{}"}`, []byte("{}"))
	f.Fuzz(func(t *testing.T, in string, keep []byte) {
		m.Names(json.RawMessage(in))
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: keep, Answer: json.RawMessage(in)})
		if err == nil && string(p.Identity) == "idn_ada" && p.Bound {
			return // the seed that is right, or spelled a little otherwise
		}
		if !shut(err) || p.Identity != "" {
			t.Errorf("%v, and a proof of %q", err, p.Identity)
		}
	})
}

// The attestation object is the part that is parsed before anything vouches for it.
func FuzzEnroll(f *testing.F) {
	m := newMethod(f)
	for _, alg := range []int{-7, -8, -257} {
		d := newDevice(f, alg)
		_, c := prepared(f, m, ada())
		var object []byte
		for _, self := range []bool{false, true} {
			c.self = self
			c.object = func(o map[string]any) { object = mustCBOR(o) }
			d.create(c)
			f.Add(object, "Phone", "conditional")
		}
		for _, format := range []string{"tpm", "android-key", "apple", "fido-u2f", "android-safetynet", "compound"} {
			c.object = func(o map[string]any) {
				o["fmt"] = format
				o["attStmt"] = map[string]any{"ver": "2.0", "alg": -7, "sig": []byte{1}, "x5c": []any{[]byte{0x30, 0}}, "certInfo": []byte{1}, "pubArea": []byte{1}, "response": []byte("a.b.c")}
				object = mustCBOR(o)
			}
			d.create(c)
			f.Add(object, "", "")
		}
	}
	f.Add([]byte{0xa0}, "\x00", "silent")
	f.Fuzz(func(t *testing.T, object []byte, name, mediation string) {
		asked, c := prepared(t, m, ada())
		c.raw = object
		d := &device{id: []byte("any")}
		c.cose = map[int]any{}
		in := mustJSON(map[string]any{"method": "passkey", "name": name, "mediation": mediation, "response": json.RawMessage(d.create(c))})
		made, err := m.Enroll(t.Context(), ada(), countersign.Evidence{Asked: asked.Keep, Answer: in})
		var known *countersign.Error
		if err != nil && (!errors.As(err, &known) || !shut(err) || made.Lookup != "") {
			t.Errorf("%v, and a passkey %q", err, made.Lookup)
		}
	})
}
