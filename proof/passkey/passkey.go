// Package passkey proves with a key pair that an authenticator holds for our
// origin: Web Authentication Level 3 (W3C). It owns what we ask browsers and
// native apps for, the verification of what they answer (sections 7.1 and 7.2)
// and what is stored of a passkey.
//
// The cryptographic formats are go-webauthn's; the decisions are here, each
// with its own reason for the audit log. Taking a challenge once, counting tries
// and refusing a credential that another identity has is the process's and the
// store's. Serving /.well-known/webauthn for related origins is the web's.
package passkey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-webauthn/webauthn/metadata"
	"github.com/google/uuid"

	"github.com/countersign-id/countersign"
)

const (
	method       = "passkey"
	most         = 25 // passkeys of one identity
	challengeLen = 32 // bytes; section 13.4.3 asks for 16 at least
	longestUser  = 64 // bytes of a user handle (section 5.4.3)
	newUser      = 32 // bytes of one for somebody who has no id yet
)

// b64 is how WebAuthn writes bytes into JSON: base64url without padding, one spelling only.
var b64 = base64.RawURLEncoding.Strict()

// Options are what the method needs. RPID, Origins and Now have no default.
type Options struct {
	RPID    string   // the domain that passkeys belong to; changing it loses them all
	RPName  string   // what authenticators show; the RPID when empty
	Origins []string // where they may be used, compared to the letter: "https://id.example.com", "android:apk-key-hash:…"

	// Verify asks for user verification every time. The zero value prefers it,
	// and lets it decide whether a passkey counts as one factor or as two.
	Verify bool

	// Direct asks new passkeys for attestation: which model made them. Without
	// Metadata it is recorded and proves nothing.
	Direct bool
	// Metadata is a blob of the FIDO Metadata Service (MDS 3), signed. With it a
	// new passkey must be of a model that the blob vouches for, which synced
	// passkeys never are.
	Metadata []byte
	// MetadataRoot is the DER certificate that vouches for Metadata; FIDO's own when empty.
	MetadataRoot []byte
	// Allow lists the models (AAGUIDs) that are let in, all of Metadata when empty.
	Allow []string

	Tries int           // how many answers a challenge takes; 5 when 0
	Life  time.Duration // how long a challenge can be answered; 5 minutes when 0
	Now   func() time.Time
}

// Method is the method "passkey". It is safe for concurrent use.
type Method struct {
	o      Options
	rpHash [sha256.Size]byte
	trust  metadata.Provider // nil without metadata
	until  time.Time
}

// New returns the method, or says which option cannot work.
func New(o Options) (*Method, error) {
	if o.Tries == 0 {
		o.Tries = 5
	}
	if o.Life == 0 {
		o.Life = 5 * time.Minute
	}
	if o.RPName == "" {
		o.RPName = o.RPID
	}
	if o.RPID == "" || len(o.Origins) == 0 || o.Now == nil {
		return nil, errors.New("passkey: an RP ID, an origin and a clock are needed")
	}
	o.Origins = slices.Clone(o.Origins)
	for i, origin := range o.Origins {
		var err error
		if o.Origins[i], err = spelled(origin); err != nil {
			return nil, err
		}
	}
	m := &Method{o: o, rpHash: sha256.Sum256([]byte(o.RPID))}
	if len(o.Metadata) == 0 {
		if len(o.Allow) > 0 || len(o.MetadataRoot) > 0 {
			// Anyone can claim any model where nobody vouches for it.
			return nil, errors.New("passkey: which models are allowed can be told only with metadata")
		}
		return m, nil
	}
	if !o.Direct {
		return nil, errors.New("passkey: metadata is of use only when new passkeys are asked for attestation")
	}
	for _, model := range m.o.Allow {
		if id, err := uuid.Parse(model); err != nil || id.String() != model {
			return nil, fmt.Errorf("passkey: %q is no AAGUID in lower case", model)
		}
	}
	var err error
	m.trust, m.until, err = readMetadata(o.Metadata, o.MetadataRoot, o.Now())
	return m, err
}

// spelled is an origin as browsers write it (RFC 6454 section 6.2): in lower
// case and without the usual port. One with more to it would match nothing.
func spelled(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("passkey: %q is no origin", origin)
	}
	usual, web := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	if !web {
		return origin, nil // of an app
	}
	if plain := u.Scheme + "://" + u.Host; u.Host == "" || !strings.EqualFold(origin, plain) {
		return "", fmt.Errorf("passkey: %q is no origin: a browser would say scheme://host, and nothing after it", origin)
	}
	return strings.TrimSuffix(strings.ToLower(origin), usual), nil
}

// Name is the method's name in policies, evidence and events.
func (*Method) Name() string { return method }

// Factor is a thing in someone's hand and, when the authenticator has verified
// its owner, a body. A PIN counts the same: it never leaves the authenticator.
func (*Method) Factor() countersign.Factor { return countersign.Has | countersign.Is }

// MetadataUntil is when the metadata should have been replaced by a newer one;
// zero without metadata.
func (m *Method) MetadataUntil() time.Time { return m.until }

// Collection is the owner's passkeys.
func (*Method) Collection() countersign.Collection {
	return countersign.Collection{Path: "passkeys", Most: most}
}

// kept is what comes back to Check or to Enroll. It says what it is for, so
// that one never serves as the other.
type kept struct {
	For       string                 `json:"for"` // "get" or "create"
	Challenge []byte                 `json:"challenge"`
	Identity  countersign.IdentityID `json:"identity,omitempty"` // whose answer it must be; "" for anybody's, or for one who is not there yet
	User      []byte                 `json:"user,omitempty"`     // handle for the new passkey
	Unnamed   bool                   `json:"unnamed,omitempty"`  // nobody was named, so the answer must name its owner
	Verify    bool                   `json:"verify,omitempty"`   // user verification was required
}

// descriptor names a passkey to a browser (PublicKeyCredentialDescriptorJSON).
type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

// requested are PublicKeyCredentialRequestOptionsJSON.
type requested struct {
	Challenge        string       `json:"challenge"`
	Timeout          int64        `json:"timeout"` // milliseconds
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// Challenge asks for a signature. Which passkeys somebody has is told only to
// one who has proved something already; to all others every name looks alike, and
// only discoverable passkeys answer.
func (m *Method) Challenge(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	k := kept{For: "get", Identity: s.Identity, Unnamed: s.Identity == "" && s.Address == "", Verify: m.o.Verify}
	ask := requested{
		Timeout: m.o.Life.Milliseconds(), RPID: m.o.RPID, AllowCredentials: []descriptor{}, UserVerification: m.verification(),
	}
	if s.Proved {
		ask.AllowCredentials = descriptors(s)
	}
	return m.ask(s, k, func(challenge string) any { ask.Challenge = challenge; return ask })
}

// ask makes a challenge and what is shown of it.
func (m *Method) ask(s countersign.Subject, k kept, options func(challenge string) any) (countersign.Challenge, error) {
	k.Challenge = make([]byte, challengeLen)
	rand.Read(k.Challenge)
	keep, err := json.Marshal(k)
	if err != nil {
		return countersign.Challenge{}, err
	}
	show, err := json.Marshal(map[string]any{"publicKey": options(b64.EncodeToString(k.Challenge))})
	if err != nil {
		return countersign.Challenge{}, err
	}
	return countersign.Challenge{
		Method: method, Subject: s, Keep: keep, Show: show, Tries: m.o.Tries, Expires: m.o.Now().Add(m.o.Life),
	}, nil
}

func (m *Method) verification() string {
	if m.o.Verify {
		return "required"
	}
	return "preferred"
}

// asked reads back what was kept for one of the two purposes.
func asked(keep []byte, purpose string) (k kept, ok bool) {
	if len(keep) == 0 || jsonx.Unmarshal(keep, &k) != nil {
		return kept{}, false
	}
	return k, k.For == purpose && len(k.Challenge) == challengeLen
}

// descriptors are the passkeys of somebody, for a browser to choose from.
func descriptors(s countersign.Subject) []descriptor {
	list := []descriptor{}
	for _, c := range s.Credentials {
		if c.Method != method {
			continue
		}
		var r record
		// One that cannot be read is listed all the same: only its transports are missing.
		_ = jsonx.Unmarshal(c.Data, &r)
		list = append(list, descriptor{Type: "public-key", ID: c.Lookup, Transports: r.Transports})
	}
	return list
}

// Detail is what the owner sees, and what a page needs to tell authenticators
// of a passkey that was removed or renamed (WebAuthn section 5.1.10, signal methods).
func (m *Method) Detail(c countersign.Credential) map[string]any {
	var r record
	_ = jsonx.Unmarshal(c.Data, &r) // what cannot be read is shown as not known
	out := map[string]any{
		"aaguid": r.AAGUID, "provider": models[r.AAGUID].Name, "icon": modelOf(r).Icon, "synced": r.BackedUp, "transports": r.Transports,
		"rp_id": m.o.RPID, "credential_id": c.Lookup, "user_id": b64.EncodeToString(r.User),
	}
	if r.Transports == nil {
		out["transports"] = []string{}
	}
	return out
}

var (
	_ countersign.Challenger = (*Method)(nil)
	_ countersign.Preparer   = (*Method)(nil)
	_ countersign.Keeper     = (*Method)(nil)
	_ countersign.Namer      = (*Method)(nil)
)
