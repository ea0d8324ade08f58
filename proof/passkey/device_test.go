package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The bits of authenticator data (section 6.1).
const (
	present  = 0x01
	verified = 0x04
	eligible = 0x08
	backedUp = 0x10
	attested = 0x40
	extended = 0x80
)

var b64 = base64.RawURLEncoding

// device is an authenticator with one passkey that does what it is told, right
// or wrong: a well-behaved one could show no refusal.
type device struct {
	key    crypto.Signer
	id     []byte
	user   []byte
	aaguid [16]byte
}

// ceremony is everything that goes into an answer.
type ceremony struct {
	kind, challenge, origin, rpID string
	flags                         byte
	counter                       uint32
	client                        map[string]any      // further members of the client data
	clientText                    string              // in its place
	id, user                      []byte              // in place of the device's; user "" leaves it out
	authData                      func([]byte) []byte // changes it before it is signed
	late                          func([]byte) []byte // changes it after
	signature                     func([]byte) []byte
	object                        func(map[string]any) // changes the attestation object
	raw                           []byte               // in its place
	cose                          any                  // in place of the key
	self                          bool                 // attests with its own key
	discoverable                  any
	transports                    []string
}

func newDevice(t testing.TB, alg int) *device {
	t.Helper()
	d := &device{id: make([]byte, 32)}
	rand.Read(d.id)
	var err error
	switch alg {
	case -7:
		d.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case -8:
		_, d.key, err = ed25519.GenerateKey(rand.Reader)
	case -257:
		d.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil || d.key == nil {
		t.Fatal("no key: ", err)
	}
	return d
}

// cose is the public key as RFC 9052 writes it.
func (d *device) cose() map[int]any {
	switch k := d.key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		return map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}
	case ed25519.PublicKey:
		return map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(k)}
	case *rsa.PublicKey:
		return map[int]any{1: 3, 3: -257, -1: k.N.Bytes(), -2: []byte{1, 0, 1}}
	}
	panic("no such key")
}

func (d *device) sign(data []byte) []byte {
	var sig []byte
	var err error
	if _, ok := d.key.(ed25519.PrivateKey); ok {
		sig, err = d.key.Sign(nil, data, crypto.Hash(0))
	} else {
		sum := sha256.Sum256(data)
		sig, err = d.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	if err != nil {
		panic(err)
	}
	return sig
}

func (c ceremony) clientData() []byte {
	if c.clientText != "" {
		return []byte(c.clientText)
	}
	all := map[string]any{"type": c.kind, "challenge": c.challenge, "origin": c.origin, "crossOrigin": false, "other_keys_can_be_added_here": "as browsers do"}
	for name, value := range c.client {
		all[name] = value
	}
	return mustJSON(all)
}

func (c ceremony) header() []byte {
	hash := sha256.Sum256([]byte(c.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], c.flags), c.counter)
}

func apply(change func([]byte) []byte, to []byte) []byte {
	if change == nil {
		return to
	}
	return change(to)
}

// get answers a sign-in.
func (d *device) get(c ceremony) string {
	client, authData := c.clientData(), apply(c.authData, c.header())
	sum := sha256.Sum256(client)
	signature := apply(c.signature, d.sign(append(authData[:len(authData):len(authData)], sum[:]...)))
	response := map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(apply(c.late, authData)), "signature": b64.EncodeToString(signature),
	}
	if c.user == nil {
		c.user = d.user
	}
	if len(c.user) > 0 {
		response["userHandle"] = b64.EncodeToString(c.user)
	}
	return c.wrap(d, response)
}

// create answers the wish for a new passkey.
func (d *device) create(c ceremony) string {
	client := c.clientData()
	if c.cose == nil {
		c.cose = d.cose()
	}
	id := d.id
	if c.id != nil {
		id = c.id
	}
	authData := append(c.header(), d.aaguid[:]...)
	authData = binary.BigEndian.AppendUint16(authData, uint16(len(id)))
	authData = apply(c.authData, append(append(authData, id...), mustCBOR(c.cose)...))
	object := map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": authData}
	if c.self {
		sum := sha256.Sum256(client)
		object["fmt"] = "packed"
		object["attStmt"] = map[string]any{"alg": d.cose()[3], "sig": apply(c.signature, d.sign(append(authData[:len(authData):len(authData)], sum[:]...)))}
	}
	if c.object != nil {
		c.object(object)
	}
	raw := c.raw
	if raw == nil {
		raw = mustCBOR(object)
	}
	response := map[string]any{"clientDataJSON": b64.EncodeToString(client), "attestationObject": b64.EncodeToString(raw), "transports": c.transports}
	return c.wrap(d, response)
}

func (c ceremony) wrap(d *device, response map[string]any) string {
	id := d.id
	if c.id != nil {
		id = c.id
	}
	extensions := map[string]any{}
	if c.discoverable != nil {
		extensions["credProps"] = map[string]any{"rk": c.discoverable}
	}
	return string(mustJSON(map[string]any{
		"id": b64.EncodeToString(id), "rawId": b64.EncodeToString(id), "type": "public-key", "authenticatorAttachment": "platform",
		"response": response, "clientExtensionResults": extensions,
	}))
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func mustCBOR(v any) []byte {
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func hexBytes(s string) ([]byte, error) { return hex.DecodeString(s) }
