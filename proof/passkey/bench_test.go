package passkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/countersign-id/countersign"
)

// What the method adds to the signature alone. Bare is the least that any
// verification does: two hashes and one public key operation.
func BenchmarkCheck(b *testing.B) {
	for name, alg := range map[string]int{"ES256": -7, "EdDSA": -8, "RS256": -257} {
		m, s := newMethod(b), ada()
		d := newDevice(b, alg)
		enrolled(b, m, &s, d)
		asked, c := asked(b, m, s)
		e := countersign.Evidence{Subject: s, Asked: asked.Keep, Answer: answer(d.get(c))}
		b.Run(name+"/whole", func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Check(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
		})
		client, auth := c.clientData(), c.header()
		sum := sha256.Sum256(client)
		signature := d.sign(append(auth[:len(auth):len(auth)], sum[:]...))
		b.Run(name+"/bare", func(b *testing.B) {
			for b.Loop() {
				client := sha256.Sum256(client)
				signed := append(auth[:len(auth):len(auth)], client[:]...)
				digest := sha256.Sum256(signed)
				right := false
				switch k := d.key.Public().(type) {
				case *ecdsa.PublicKey:
					right = ecdsa.VerifyASN1(k, digest[:], signature)
				case ed25519.PublicKey:
					right = ed25519.Verify(k, signed, signature)
				case *rsa.PublicKey:
					right = rsa.VerifyPKCS1v15(k, 5, digest[:], signature) == nil
				}
				if !right {
					b.Fatal("it does not verify")
				}
			}
		})
	}
}
