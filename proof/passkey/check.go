package passkey

import (
	"bytes"
	"context"
	"fmt"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/countersign-id/countersign"
)

// record is what is stored of a passkey: the credential record of section 4.
type record struct {
	Key      []byte `json:"public_key"` // SubjectPublicKeyInfo (RFC 5280), which also says the algorithm
	User     []byte `json:"user"`       // handle that the passkey answers with; the same for all of one identity
	Counter  uint32 `json:"counter"`
	AAGUID   string `json:"aaguid"`
	Eligible bool   `json:"backup_eligible"`
	BackedUp bool   `json:"backed_up"`

	// Verified is section 4's uvInitialized, and it never changes: a user verified later
	// counts as a body only if one was when the passkey was made. Else whoever finds
	// a security key that has no PIN gives it one, and is two factors.
	Verified bool `json:"user_verified"`

	Transports   []string `json:"transports,omitempty"`
	Attestation  string   `json:"attestation,omitempty"`  // format of the statement: "none", "packed"
	Discoverable *bool    `json:"discoverable,omitempty"` // as the browser says; nil when it does not
}

// Check accepts {"response": AuthenticationResponseJSON}, or its text. It follows section 7.2.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method   string         `json:"method"`
		Response jsontext.Value `json:"response"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "response"}.`)
	}
	c, err := parse(in.Response)
	if err != nil {
		return countersign.Proof{}, err
	}
	if len(c.Response.AuthenticatorData) == 0 || len(c.Response.Signature) == 0 {
		return countersign.Proof{}, invalid("The response of a sign-in has clientDataJSON, authenticatorData and signature.")
	}
	k, ok := asked(e.Asked, "get")
	if !ok {
		return countersign.Proof{}, countersign.NoMatch("nothing was asked")
	}
	have, r, err := owned(e.Subject, c, k)
	if err != nil {
		return countersign.Proof{}, err
	}
	var a protocol.AuthenticatorData
	if err := a.Unmarshal(c.Response.AuthenticatorData); err != nil {
		return countersign.Proof{}, countersign.NoMatch("the authenticator data is not of its form")
	}
	if err := m.client(c.Response.ClientDataJSON, "webauthn.get", k.Challenge); err != nil {
		return countersign.Proof{}, err
	}
	if err := m.authenticator(&a, true, k.Verify); err != nil {
		return countersign.Proof{}, err
	}
	return m.prove(have, r, c, &a)
}

// owned finds the passkey among the subject's, and holds the answer to whom it must be of.
func owned(s countersign.Subject, c credential, k kept) (have countersign.Credential, r record, err error) {
	for _, one := range s.Credentials {
		if one.Method == method && one.Lookup != "" && one.Lookup == c.ID {
			have = one
		}
	}
	switch {
	case s.Identity == "" || have.Lookup == "" || have.Identity != s.Identity:
		return have, r, countersign.NoMatch("no such identity, or it has no such passkey")
	case k.Identity != "" && k.Identity != s.Identity:
		return have, r, countersign.NoMatch("somebody else was asked")
	case len(c.Response.UserHandle) == 0 && k.Unnamed:
		return have, r, countersign.NoMatch("nobody was named, and the passkey names nobody")
	}
	if err := jsonx.Unmarshal(have.Data, &r); err != nil {
		return have, r, fmt.Errorf("passkey: stored passkey %s cannot be read: %w", have.ID, err)
	}
	if len(c.Response.UserHandle) != 0 && !bytes.Equal(c.Response.UserHandle, r.User) {
		return have, r, countersign.NoMatch("the passkey names somebody else")
	}
	return have, r, nil
}

// prove verifies the signature and compares with what is known of the passkey.
func (m *Method) prove(have countersign.Credential, r record, c credential, a *protocol.AuthenticatorData) (countersign.Proof, error) {
	right, err := verify(r.Key, c.Response.AuthenticatorData, c.Response.ClientDataJSON, c.Response.Signature)
	switch {
	case err != nil:
		return countersign.Proof{}, fmt.Errorf("passkey: stored key of %s cannot be used: %w", have.ID, err)
	case !right:
		return countersign.Proof{}, countersign.NoMatch("wrong signature")
	case a.Flags.HasBackupEligible() != r.Eligible:
		// It never changes in the life of a passkey, so this is not the one that we know.
		return countersign.Proof{}, countersign.NoMatch("backup eligibility changed")
	case (a.Counter != 0 || r.Counter != 0) && a.Counter <= r.Counter:
		// A copy of the key is about, and this may be it (section 6.1.1).
		return countersign.Proof{}, countersign.NoMatch("counter went back")
	}
	now := m.o.Now()
	p := countersign.Proof{Identity: have.Identity, Credential: have.ID, Method: method, Factor: countersign.Has, Bound: true, Hard: m.trust != nil && !r.Eligible && r.Attestation != "" && r.Attestation != "none", At: now}
	if a.Flags.UserVerified() && r.Verified {
		p.Factor |= countersign.Is
	}
	r.Counter, r.BackedUp = a.Counter, a.Flags.HasBackupState()
	if have.Data, err = jsonx.Marshal(r); err != nil {
		return countersign.Proof{}, fmt.Errorf("passkey: %w", err)
	}
	have.UsedAt = now
	p.Renew = &have
	return p, nil
}
