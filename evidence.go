package countersign

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"
)

// Factor says what kind of thing a proof shows. A passkey with a fingerprint
// is Has|Is: one gesture, two factors.
type Factor uint8

// The three factors of authentication (NIST SP 800-63B-4).
const (
	Knows Factor = 1 << iota // a secret in someone's head
	Has                      // a thing in someone's hand
	Is                       // a body
)

// Count returns how many different factors are set.
func (f Factor) Count() (n int) {
	for ; f != 0; f &= f - 1 {
		n++
	}
	return n
}

// Subject is whom an attempt is about, as much of it as a method needs. A
// stranger is a Subject without Identity: methods then do the same work and
// find nothing.
type Subject struct {
	Identity    IdentityID
	Names       []string // what the person is called: a secret must not contain these
	Address     string   // where a code would be sent; may be set for strangers too
	Proved      bool     // has given a proof in this attempt or carries a session, so that what it has enrolled is no secret to it
	Credentials []Credential
}

// Credential returns the newest credential of the method; ok is false when there is none.
func (s Subject) Credential(method string) (c Credential, ok bool) {
	for _, have := range s.Credentials {
		if have.Method == method && (!ok || have.CreatedAt.After(c.CreatedAt)) {
			c, ok = have, true
		}
	}
	return c, ok
}

// Evidence is what a caller showed us. It proves nothing until a Method has
// checked it.
type Evidence struct {
	Method  string          // which method should look at it
	Subject Subject         // whom it should prove
	Answer  json.RawMessage // the method's own fields
	Asked   []byte          // what the method kept when it asked; nil when it did not ask
	From    netip.Addr
}

// Proof is evidence that a method has checked.
type Proof struct {
	Identity   IdentityID   `json:"identity"`
	Credential CredentialID `json:"credential,omitempty"`
	Method     string       `json:"method"`
	Factor     Factor       `json:"factor"`
	Bound      bool         `json:"bound,omitempty"` // tied to our origin, so it cannot be phished
	Hard       bool         `json:"hard,omitempty"`  // its key cannot leave the device that holds it
	At         time.Time    `json:"at"`

	// Renew is the credential to store in place of the one that proved, when
	// its data has moved on (a counter, a step that must not come again). Of two that renew the same one the second proves nothing.
	Renew *Credential `json:"-"`
	// Refresh is the same for data that only became better: when the stored one
	// has moved on it stays as it is, and the proof is good all the same.
	Refresh *Credential `json:"-"`
	// Ends are credentials of the identity that go when the attempt is complete.
	Ends []CredentialID `json:"ends,omitempty"`
	// Tell is the letter that its owner gets about this use, "" for none, and Told what it says.
	Tell string            `json:"-"`
	Told map[string]string `json:"-"`
}

// A Method is one way to prove who you are.
type Method interface {
	// Name is the method's stable name, stored with every credential.
	Name() string
	// Check turns evidence into a proof. It reports ErrNoMatch for evidence
	// that proves nothing, ErrMalformed for evidence that is not of its form,
	// and any other error when it could not look.
	Check(context.Context, Evidence) (Proof, error)
}

// FactorOf is what a proof by the method shows at most; 0 for one that only
// stands beside others, as a browser that is remembered does. A method says it by a
// method Factor.
func FactorOf(m Method) Factor {
	if f, ok := m.(interface{ Factor() Factor }); ok {
		return f.Factor()
	}
	return 0
}

// A Challenger is a Method that must speak first: it sends a code, or asks
// for a signature. It answers for strangers too, with the same work.
type Challenger interface {
	Method
	Challenge(context.Context, Subject) (Challenge, error)
}

// An Enroller is a Method whose credentials people add by themselves. It
// returns the credential; the process stores it with its event.
type Enroller interface {
	Method
	Enroll(context.Context, Subject, Evidence) (Credential, error)
}

// Challenge is what a method asked. It is not a proof, and is spent at most once.
type Challenge struct {
	Scope   string          // the attempt, or the identity and address, that it belongs to
	Method  string          // which method asked
	Subject Subject         // Identity and Address only; a stranger's challenge matches nothing
	Keep    []byte          // what Check needs later, sealed at rest
	Lookup  []byte          // SHA-256 of the token of a link that answers it; nil when there is none
	Show    json.RawMessage // what the caller is told
	Secrets Secrets         // for the message only: never stored readable
	Page    string          // of ours, that the link opens: "/verify" when empty
	Letter  string          // template of the message; that of the purpose when empty
	Tries   int             // answers it takes, right or wrong
	Expires time.Time
}

// Secrets are the values that a challenge sends: a code to type and a token for a link.
type Secrets struct {
	Code  string
	Token string
}

// String keeps secrets out of text, GoString out of %#v, MarshalText out of JSON and logs.
func (Secrets) String() string               { return "[secret]" }
func (Secrets) GoString() string             { return "[secret]" }
func (Secrets) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// A Changer is a Method whose credential its owner replaces by showing the
// current one. The evidence's Subject holds the current credential; the result
// takes its place.
type Changer interface {
	Method
	Change(context.Context, Subject, Evidence) (Credential, error)
}

// A Costly method does work that must be admitted, so that a flood of it
// cannot exhaust the machine: its caller enters before counting the guess and
// leaves when the method has answered.
type Costly interface {
	Method
	Enter(context.Context) (leave func(), err error)
}

// Admit enters a method if it is Costly. It reports ErrOverloaded when there is no room.
func Admit(ctx context.Context, m Method) (leave func(), err error) {
	if c, ok := m.(Costly); ok {
		return c.Enter(ctx)
	}
	return func() {}, nil
}
