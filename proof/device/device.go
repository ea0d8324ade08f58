// Package device knows a browser again in which somebody has proved enough: by
// a long random token in a cookie, so that for some time the second factor is
// not asked for there. It is no factor itself, and never proves alone.
//
// It owns the token and how long it is good. The door carries it in its cookie;
// who may be remembered, and what for, are the policy's.
package device

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/secret"
)

const (
	most      = 20
	longest   = 60 // characters of a name
	usualLife = 30 * 24 * time.Hour
	pending   = 15 * time.Minute // from making a token to keeping it
)

// Options are what the method needs.
type Options struct {
	Life time.Duration // how long a browser is remembered; 0 for 30 days
	Now  func() time.Time
}

// Method is the method "device". It is safe for concurrent use.
type Method struct {
	o     Options
	decoy countersign.Credential
}

// New returns the method. The decoy is a browser that nobody has.
func New(o Options) *Method {
	if o.Life <= 0 {
		o.Life = usualLife
	}
	noise := make([]byte, sha256.Size)
	rand.Read(noise)
	data, err := json.Marshal(stored{noise})
	if err != nil {
		panic("device: bytes always encode: " + err.Error())
	}
	return &Method{o, countersign.Credential{Data: data}}
}

// Name is the method's name in policies, evidence and events.
func (*Method) Name() string { return "device" }

// Factor is none: it only stands beside what was proved.
func (*Method) Factor() countersign.Factor { return 0 }

// stored is the data of a credential.
type stored struct {
	Hash []byte `json:"hash"` // SHA-256 of the token
}

// Check accepts {"token": "cs_dev_…"}. It compares with every browser of the
// subject, and with decoys up to the most one can have, so that time does not
// tell how many there are. Nothing is renewed: two tabs may show the token at once.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method string `json:"method"`
		Token  string `json:"token"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "token"}.`)
	}
	hash, formed := secret.Hash(secret.Device, in.Token)
	now := m.o.Now()
	found, old, err := m.search(e.Subject.Credentials, hash, now)
	switch {
	case !formed || e.Subject.Identity == "":
		return countersign.Proof{}, countersign.NoMatch("no token of a device, or no such identity")
	case found == "" && old:
		return countersign.Proof{}, countersign.NoMatch("remembered too long ago")
	case found == "" && err != nil:
		return countersign.Proof{}, err
	case found == "":
		return countersign.Proof{}, countersign.NoMatch("not a device of this identity")
	}
	return countersign.Proof{Identity: e.Subject.Identity, Credential: found, Method: m.Name(), At: now}, nil
}

// search finds the browser with the token. The error is about a credential that
// cannot be read; it matters only when no other matches.
func (m *Method) search(all []countersign.Credential, hash [sha256.Size]byte, now time.Time) (found countersign.CredentialID, old bool, broken error) {
	list := make([]countersign.Credential, 0, most)
	for _, c := range all {
		if c.Method == m.Name() {
			list = append(list, c)
		}
	}
	owned := len(list)
	for len(list) < most {
		list = append(list, m.decoy)
	}
	for i, c := range list {
		var have stored
		if json.Unmarshal(c.Data, &have) != nil || len(have.Hash) != sha256.Size {
			broken = fmt.Errorf("device: stored data of %s cannot be read", c.ID)
			continue
		}
		if !secret.Equal(hash[:], have.Hash) || i >= owned {
			continue
		}
		if now.Before(c.CreatedAt.Add(m.o.Life)) {
			found = c.ID
		} else {
			old = true
		}
	}
	return found, old, broken
}

// kept is a token that was made and not taken yet.
type kept struct {
	Identity countersign.IdentityID `json:"identity"`
	Hash     []byte                 `json:"hash"`
}

// Prepare makes a token, for the cookie of the browser that asks.
func (m *Method) Prepare(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	token, hash := secret.New(secret.Device)
	keep, err := json.Marshal(kept{s.Identity, hash[:]})
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("device: %w", err)
	}
	show, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return countersign.Challenge{}, fmt.Errorf("device: %w", err)
	}
	return countersign.Challenge{
		Method: m.Name(), Subject: countersign.Subject{Identity: s.Identity, Address: s.Address},
		Keep: keep, Show: show, Tries: 1, Expires: m.o.Now().Add(pending),
	}, nil
}

// Enroll takes the token that was prepared for the same identity. The answer is
// {"method", "name"?}; the process names it as a person would, "Chrome on a Mac".
func (m *Method) Enroll(_ context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	var in struct {
		Method string `json:"method"`
		Name   string `json:"name"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Credential{}, countersign.Invalid("evidence", "invalid", `To remember a device, give {"method"} and perhaps a "name".`)
	}
	var asked kept
	if len(e.Asked) == 0 || json.Unmarshal(e.Asked, &asked) != nil || len(asked.Hash) != sha256.Size {
		return countersign.Credential{}, countersign.NoMatch("nothing was prepared")
	}
	if asked.Identity != s.Identity {
		return countersign.Credential{}, countersign.NoMatch("prepared for another identity")
	}
	data, err := json.Marshal(stored{asked.Hash})
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("device: %w", err)
	}
	return countersign.Credential{
		Identity: s.Identity, Method: m.Name(), Lookup: hex.EncodeToString(asked.Hash), Name: named(in.Name), Data: data, CreatedAt: m.o.Now(),
	}, nil
}

// named is a name as it can be shown on one line. It comes from what a browser
// says of itself, so it is cut rather than refused.
func named(text string) string {
	plain := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)))
	return strings.TrimSpace(string(plain[:min(len(plain), longest)]))
}

// Collection says how browsers are kept: several, each added in one step.
func (*Method) Collection() countersign.Collection {
	return countersign.Collection{Path: "devices", Most: most, Direct: true, Trusted: true}
}

// Detail is when it is forgotten, as RFC 3339 in UTC.
func (m *Method) Detail(c countersign.Credential) map[string]any {
	return map[string]any{"expires_at": c.CreatedAt.Add(m.o.Life).UTC().Format(time.RFC3339)}
}

var (
	_ countersign.Preparer = (*Method)(nil)
	_ countersign.Keeper   = (*Method)(nil)
)
