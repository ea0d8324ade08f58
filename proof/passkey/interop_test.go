package passkey_test

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/countersign-id/countersign"
)

// Another's authenticator, which reads our options by itself, so that we do not
// test only against our own reading of the standard.
func TestAnAuthenticatorThatIsNotOursMakesAndUsesAPasskey(t *testing.T) {
	rp := virtualwebauthn.RelyingParty{ID: rpID, Name: "Example", Origin: origin}
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		m, s := newMethod(t), ada()
		device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{BackupEligible: true, BackupState: true})
		credential := newVirtual(kind)
		asked, err := m.Prepare(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		wish, err := virtualwebauthn.ParseAttestationOptions(string(asked.Show))
		if err != nil {
			t.Fatal(err)
		}
		if wish.RelyingPartyID != rpID || wish.UserName != "ada@example.com" || wish.UserDisplayName != "Ada" {
			t.Errorf("it reads %+v", wish)
		}
		device.Options.UserHandle = []byte(wish.UserID)
		made, err := m.Enroll(t.Context(), s, countersign.Evidence{Asked: asked.Keep, Answer: answer(virtualwebauthn.CreateAttestationResponse(rp, device, credential, *wish))})
		if err != nil {
			t.Fatalf("%s: %v: %s", kind, err, reason(err))
		}
		s.Credentials, s.Proved = []countersign.Credential{made}, true
		again, err := m.Prepare(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if wish, err = virtualwebauthn.ParseAttestationOptions(string(again.Show)); err != nil || !credential.IsExcludedForAttestation(*wish) {
			t.Errorf("it does not see that it has one already: %v", err)
		}
		get, err := m.Challenge(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		ask, err := virtualwebauthn.ParseAssertionOptions(string(get.Show))
		if err != nil {
			t.Fatal(err)
		}
		if !credential.IsAllowedForAssertion(*ask) {
			t.Error("it does not find itself among the passkeys asked for")
		}
		p, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(virtualwebauthn.CreateAssertionResponse(rp, device, credential, *ask))})
		if err != nil || p.Identity != s.Identity || p.Factor.Count() != 2 {
			t.Errorf("%s: %v: %s", kind, err, reason(err))
		}
		rp := rp
		rp.Origin = "https://evil.example"
		if _, err := m.Check(t.Context(), countersign.Evidence{Subject: s, Asked: get.Keep, Answer: answer(virtualwebauthn.CreateAssertionResponse(rp, device, credential, *ask))}); reason(err) != "another origin" {
			t.Errorf("from another origin: %v", err)
		}
	}
}

// newVirtual makes a passkey. Theirs drops the leading noughts of coordinates,
// which RFC 9053 section 7.1.1 forbids, so keys that have some are passed over.
func newVirtual(kind virtualwebauthn.KeyType) virtualwebauthn.Credential {
	for {
		c := virtualwebauthn.NewCredential(kind)
		if whole := 77; kind != virtualwebauthn.KeyTypeEC2 || len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}
