// Package countersign holds the words of the system and its one decision.
//
// Someone shows Evidence; a Method turns it into a Proof; a Policy weighs the
// proofs of an Attempt; and only its positive Verdict, Enough, buys a pass.
// The package decides; it never reads a request, a clock or a database.
//
// The levels of assurance follow NIST SP 800-63B-4, the names of methods
// RFC 8176 where that has one, the audit chain is HMAC-SHA-256 (RFC 2104).
package countersign

import (
	"encoding/json"
	"time"
)

// Ids are opaque to callers, typed by their prefix and sortable by time.
type (
	IdentityID   string // idn_…
	CredentialID string // crd_…
	AttemptID    string // att_…
	SessionID    string // ses_…
)

// Kind says what an identity is.
type Kind string

// The kinds of identity.
const (
	Person  Kind = "person"
	Service Kind = "service"
	Guest   Kind = "guest"
)

// State says whether an identity may prove itself at all.
type State string

// The states of an identity.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// Identity is who: a person, a service or a guest. Its JSON form is the same
// everywhere it is shown.
type Identity struct {
	ID        IdentityID      `json:"id"`
	Kind      Kind            `json:"kind" enum:"person,service,guest"`
	State     State           `json:"state" enum:"active,disabled"`
	Username  *string         `json:"username" nullable:"true"`
	Emails    []Email         `json:"emails"`
	Phones    []Phone         `json:"phones"`
	Name      string          `json:"name"`
	Locale    string          `json:"locale"`
	Picture   *string         `json:"picture" nullable:"true"`
	Flags     []string        `json:"flags"`
	Roles     []string        `json:"roles"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt time.Time       `json:"created_at"`

	// Version counts the stored changes; 0 means not stored yet. A write with
	// an old version is refused, so that two writers cannot undo each other.
	Version int64 `json:"-"`
}

// Email is one address of an identity. Only a verified one can be used to sign in.
type Email struct {
	Address  string `json:"address" format:"email"`
	Verified bool   `json:"verified"`
	Primary  bool   `json:"primary"`
}

// Phone is one number of an identity, in E.164.
type Phone struct {
	Number   string `json:"number"`
	Verified bool   `json:"verified"`
	Primary  bool   `json:"primary"`
}

// Primary returns the address that mail goes to, or "" when there is none.
func (i Identity) Primary() string {
	for _, e := range i.Emails {
		if e.Primary {
			return e.Address
		}
	}
	return ""
}

// Reach is where a message over the channel, "email" or "sms", finds the
// identity: the primary address or number if it is verified, else any that is; "" for none.
func (i Identity) Reach(channel string) (to string) {
	for _, e := range i.Emails {
		if channel == "email" && e.Verified && (to == "" || e.Primary) {
			to = e.Address
		}
	}
	for _, p := range i.Phones {
		if channel == "sms" && p.Verified && (to == "" || p.Primary) {
			to = p.Number
		}
	}
	return to
}

// Place is where a message finds somebody.
type Place struct {
	Channel string // "email" or "sms"
	Address string
}

// Reaches are the places where an identity is told what happens to it: every
// verified address, or every verified number of one that has no address.
func (i Identity) Reaches() (all []Place) {
	for _, e := range i.Emails {
		if e.Verified {
			all = append(all, Place{"email", e.Address})
		}
	}
	for _, p := range i.Phones {
		if p.Verified && i.Reach("email") == "" {
			all = append(all, Place{"sms", p.Number})
		}
	}
	return all
}

// Names are what the identity is called: its name, username and addresses. No
// secret of it may be made of these.
func (i Identity) Names() []string {
	out := []string{i.Name}
	if i.Username != nil {
		out = append(out, *i.Username)
	}
	for _, e := range i.Emails {
		out = append(out, e.Address)
	}
	return out
}

// Has reports whether the identity holds the role.
func (i Identity) Has(role string) bool {
	for _, r := range i.Roles {
		if role != "" && r == role {
			return true
		}
	}
	return false
}

// Credential is something enrolled that can prove an identity. Data is the
// method's own; the store seals it at rest and never looks inside.
type Credential struct {
	ID        CredentialID
	Identity  IdentityID
	Method    string
	Lookup    string // found by this when the caller gives no name; unique within the method, "" for none
	Name      string // what its owner calls it
	Data      []byte
	CreatedAt time.Time
	UsedAt    time.Time

	// Version counts the stored changes; 0 means not stored yet. Replacing one
	// whose version has moved on is refused.
	Version int64
}

// App is a program that relies on us: an OAuth client. The zero App is our own pages and API.
type App struct {
	ID   string
	Name string
}
