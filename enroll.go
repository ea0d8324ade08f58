package countersign

import (
	"context"
	"encoding/json"
	"slices"
)

// A Preparer is an Enroller that must speak first: it shows a secret to copy,
// or options to sign. The challenge's Show is for its owner alone and its Keep
// comes back to Enroll as Evidence.Asked. Nothing is enrolled before Enroll
// has seen an answer that is right.
type Preparer interface {
	Enroller
	Prepare(context.Context, Subject) (Challenge, error)
}

// A Keeper is an Enroller, or what a process enrolls for its owner, whose credentials their owner lists, names, adds and
// removes.
type Keeper interface {
	Method
	Collection() Collection
	// Detail is what the owner sees of a credential besides its name and its
	// dates. It holds no secret.
	Detail(Credential) map[string]any
}

// Collection says how the credentials of one method are kept.
type Collection struct {
	Path    string // below /v1/account and /account: "passkeys"
	Most    int    // how many one identity may have; with 1 a new one takes the place of the old
	Direct  bool   // a Preparer whose answer would prove nothing: adding is one step
	Fixed   bool   // they cannot be named
	Trusted bool   // they stand in for a second step: only who has shown one adds them, and they end with any change of what proves
	Granted bool   // their owner only sees and removes them: a process makes them
}

// A Namer is a Method whose evidence says whose it is, so that nobody need be named before.
type Namer interface {
	Method
	// Names returns the Lookup of the credential that the evidence is of, "" for none.
	Names(answer json.RawMessage) string
}

// A Sender is a Challenger whose challenges go out in messages.
type Sender interface {
	Challenger
	Channel() string // "email" or "sms"
}

// Usable lists those of the named methods by which an identity can prove itself,
// in their order: those that it has a credential of, and those that send to an
// address or number it has proved.
func Usable(methods map[string]Method, names []string, i Identity, have []Credential) (can []string) {
	for _, name := range names {
		s, sends := methods[name].(Sender)
		if sends && i.Reach(s.Channel()) != "" || !sends && slices.ContainsFunc(have, func(c Credential) bool { return c.Method == name }) {
			can = append(can, name)
		}
	}
	return can
}

// Trusts are the credentials that were made in trust of what proved then: they
// end when a second step is set up, a secret changed or an account recovered.
func Trusts(methods map[string]Method, have []Credential) (ids []CredentialID) {
	for _, c := range have {
		if k, ok := methods[c.Method].(Keeper); ok && k.Collection().Trusted {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
