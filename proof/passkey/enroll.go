package passkey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/google/uuid"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/profile"
)

// created are PublicKeyCredentialCreationOptionsJSON.
type created struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge          string            `json:"challenge"`
	Params             []param           `json:"pubKeyCredParams"`
	Timeout            int64             `json:"timeout"` // milliseconds
	ExcludeCredentials []descriptor      `json:"excludeCredentials"`
	Selection          map[string]string `json:"authenticatorSelection"`
	Attestation        string            `json:"attestation"`
	Extensions         map[string]bool   `json:"extensions"`
}

type param struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

// Prepare gives the options for a new passkey. The subject of a sign-up has no
// identity yet. The same options serve a conditional creation, which is the
// page's to ask the browser for.
func (m *Method) Prepare(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	user := handle(s)
	if len(user) > longestUser {
		return countersign.Challenge{}, fmt.Errorf("passkey: the id %s is too long for a user handle", s.Identity)
	}
	var o created
	o.RP.ID, o.RP.Name = m.o.RPID, m.o.RPName
	o.User.ID = b64.EncodeToString(user)
	o.User.Name, o.User.DisplayName = m.called(s)
	for _, alg := range algorithms {
		o.Params = append(o.Params, param{"public-key", int(alg)})
	}
	o.Timeout, o.ExcludeCredentials, o.Attestation = m.o.Life.Milliseconds(), descriptors(s), "none"
	o.Selection = map[string]string{"residentKey": "preferred", "userVerification": m.verification()}
	o.Extensions = map[string]bool{"credProps": true}
	if m.o.Direct {
		o.Attestation = "direct"
	}
	k := kept{For: "create", Identity: s.Identity, User: user, Verify: m.o.Verify}
	return m.ask(s, k, func(challenge string) any { o.Challenge = challenge; return o })
}

// handle is what a passkey will call its owner: the same for all passkeys of one
// identity, or authenticators would show two accounts.
func handle(s countersign.Subject) []byte {
	for _, c := range s.Credentials {
		var r record
		if c.Method == method && jsonx.Unmarshal(c.Data, &r) == nil && len(r.User) > 0 {
			return r.User
		}
	}
	if s.Identity != "" {
		return []byte(s.Identity)
	}
	user := make([]byte, newUser)
	rand.Read(user)
	return user
}

// called is what authenticators list an account as, and what they greet it
// with. Browsers refuse an empty one.
func (m *Method) called(s countersign.Subject) (name, greeting string) {
	name = m.o.RPName
	for _, n := range s.Names {
		if greeting == "" {
			greeting = n
		}
		if n != "" {
			name = n // the last is an address or a username; the first may be a name that others have too
		}
	}
	if s.Address != "" {
		name = s.Address
	}
	if greeting == "" {
		greeting = name
	}
	return name, greeting
}

// Enroll accepts {"name"?, "mediation"?, "response": RegistrationResponseJSON},
// or the response's text. It follows section 7.1. With mediation "conditional"
// nobody need have been present (step 15): the passkey was made in silence after a
// password was filled in, and whoever says so falsely only weakens their own passkey.
func (m *Method) Enroll(_ context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	var in struct {
		Method    string         `json:"method"`
		Name      string         `json:"name"`
		Mediation string         `json:"mediation"`
		Response  jsontext.Value `json:"response"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Credential{}, countersign.Invalid("", "invalid", `To add a passkey, give {"name", "response"}, and "mediation" if it was conditional.`)
	}
	name, ok := profile.Name(in.Name)
	if !ok {
		return countersign.Credential{}, countersign.Invalid("name", "invalid", "A name is text on one line, at most 200 characters.")
	}
	if in.Mediation != "" && in.Mediation != "conditional" {
		return countersign.Credential{}, countersign.Invalid("mediation", "invalid", `The mediation is "conditional", or left out.`)
	}
	c, err := parse(in.Response)
	if err != nil {
		return countersign.Credential{}, err
	}
	if len(c.Response.AttestationObject) == 0 || len(c.Response.AttestationObject) > longestPart {
		return countersign.Credential{}, invalid("The response of a new passkey has clientDataJSON and attestationObject.")
	}
	k, ok := asked(e.Asked, "create")
	if !ok || len(k.User) == 0 || k.Identity != s.Identity {
		return countersign.Credential{}, countersign.NoMatch("nothing was asked, or of somebody else")
	}
	r, err := m.made(c, k, in.Mediation == "conditional")
	if err != nil {
		return countersign.Credential{}, err
	}
	if slices.ContainsFunc(s.Credentials, func(o countersign.Credential) bool { return o.Method == method && o.Lookup == c.ID }) {
		return countersign.Credential{}, countersign.Invalid("response", "already", "You have this passkey already.")
	}
	if name == "" {
		name = modelOf(r).Name
	}
	data, err := jsonx.Marshal(r)
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("passkey: %w", err)
	}
	return countersign.Credential{Identity: s.Identity, Method: method, Lookup: c.ID, Name: name, Data: data, CreatedAt: m.o.Now()}, nil
}

// made verifies a new passkey and gives what is stored of it.
func (m *Method) made(c credential, k kept, conditional bool) (r record, err error) {
	if err := m.client(c.Response.ClientDataJSON, "webauthn.create", k.Challenge); err != nil {
		return r, err
	}
	var att protocol.AttestationObject
	if webauthncbor.Unmarshal(c.Response.AttestationObject, &att) != nil || att.AuthData.Unmarshal(att.RawAuthData) != nil {
		return r, countersign.NoMatch("the attestation object is not of its form")
	}
	a := &att.AuthData
	if err := m.authenticator(a, !conditional, k.Verify); err != nil {
		return r, err
	}
	id := a.AttData.CredentialID
	if !a.Flags.HasAttestedCredentialData() || len(id) == 0 || string(id) != string(c.RawID) {
		return r, countersign.NoMatch("no passkey inside, or another")
	}
	if r.Key, err = spki(a.AttData.CredentialPublicKey); err != nil {
		return r, countersign.NoMatch("a key that was not asked for")
	}
	if err := m.attested(&att, c.Response.ClientDataJSON); err != nil {
		return r, err
	}
	aaguid, err := uuid.FromBytes(a.AttData.AAGUID)
	if err != nil {
		return r, countersign.NoMatch("no AAGUID")
	}
	r.User, r.AAGUID, r.Attestation, r.Counter = k.User, aaguid.String(), att.Format, a.Counter
	r.Eligible, r.BackedUp = a.Flags.HasBackupEligible(), a.Flags.HasBackupState()
	// A conditional creation verifies nobody. The password manager that made it
	// verifies its owner from then on, with what unlocks the device.
	r.Verified = a.Flags.UserVerified() || conditional && r.Eligible
	r.Transports, r.Discoverable = transports(c.Response.Transports), c.Extensions.Properties.Discoverable
	return r, nil
}

// attested verifies the attestation statement, whichever there is, and with
// metadata also that a model we accept has made it.
func (m *Method) attested(att *protocol.AttestationObject, clientData []byte) error {
	hash := sha256.Sum256(clientData)
	if att.VerifyAttestation(hash[:], nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}) != nil {
		return countersign.NoMatch("the attestation is not right")
	}
	if m.trust == nil {
		return nil
	}
	// A statement that the passkey signed itself, or none, says nothing of the model.
	chain := slices.Contains([]metadata.AuthenticatorAttestationType{metadata.BasicFull, metadata.AttCA, metadata.AnonCA},
		metadata.AuthenticatorAttestationType(att.Type))
	aaguid, err := uuid.FromBytes(att.AuthData.AttData.AAGUID)
	allowed := err == nil && (len(m.o.Allow) == 0 || slices.Contains(m.o.Allow, aaguid.String()))
	if !chain || !allowed || att.VerifyAttestation(hash[:], m.trust, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}) != nil {
		return countersign.Invalid("response", "not_allowed", "Passkeys of this kind are not accepted here.")
	}
	return nil
}

// Shown is what the making of a passkey has shown: the thing, and the body if its user was verified.
func (m *Method) Shown(c countersign.Credential) countersign.Factor {
	var r record
	if jsonx.Unmarshal(c.Data, &r) != nil || !r.Verified {
		return countersign.Has
	}
	return countersign.Has | countersign.Is
}
