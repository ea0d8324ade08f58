// Package totp proves that someone has an authenticator app: time-based
// one-time passwords (RFC 6238) of 6 digits, SHA-1 and 30 seconds, which is what
// every app can do. SHA-1 is sound here: HMAC does not rest on collisions (RFC 6238 section 1.2).
//
// It owns the algorithm, the drawing that an app scans, and the rule that the
// code of a step is good once and no older one after it. Guesses are counted by
// the process; so is it the process that stores the step that was used, and by
// the credential's version only for one of two who show the same code at once.
package totp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/secret"
)

const (
	most    = 10               // authenticators of one identity
	drift   = 1                // steps that the clock of a phone may be off, before and behind
	size    = 20               // bytes of a secret: 160 bits, the length of the hash (RFC 4226 section 4)
	life    = 15 * time.Minute // from showing a secret to the first code of it
	longest = 60               // characters of a name
	tries   = 10               // first codes; the secret is the reader's own, so this only ends a loop
	period  = 30 * time.Second // of one step
)

// Options are what the method needs; all of them.
type Options struct {
	Issuer string // the name of the service, as apps list it
	Now    func() time.Time
}

// Method is the method "totp". It is safe for concurrent use.
type Method struct {
	o     Options
	decoy countersign.Credential
}

// New returns the method. The decoy is an authenticator that nobody has.
func New(o Options) *Method {
	data, err := json.Marshal(stored{Secret: fresh()})
	if err != nil {
		panic("totp: bytes and a number always encode: " + err.Error())
	}
	return &Method{o: o, decoy: countersign.Credential{Data: data}}
}

// Name is the method's name in policies, evidence and events (RFC 8176 says "otp").
func (*Method) Name() string { return "totp" }

// Factor is something someone has: what holds the secret.
func (*Method) Factor() countersign.Factor { return countersign.Has }

// stored is the data of a credential.
type stored struct {
	Secret []byte `json:"secret"`
	Step   int64  `json:"step"` // the last one used; it and all before it prove nothing any more
}

// Check accepts {"code": "123456"}. It looks through all authenticators of the
// subject, as no one says which app it was. Everything that is not the right code
// is ErrNoMatch, whatever is wrong with it, so that the form of an answer tells as little as its value.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method string `json:"method"`
		Code   string `json:"code"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "code"}.`)
	}
	now := m.o.Now()
	found, err := m.search(e.Subject.Credentials, typed(in.Code), now)
	switch {
	case e.Subject.Identity == "" || found.none:
		return countersign.Proof{}, countersign.NoMatch("no such identity, or it has no authenticator app")
	case found.renewed == nil && found.used:
		return countersign.Proof{}, countersign.NoMatch("code of a step that was used, or of one before it")
	case found.renewed == nil && err != nil:
		return countersign.Proof{}, err
	case found.renewed == nil:
		return countersign.Proof{}, countersign.NoMatch("wrong code")
	}
	return countersign.Proof{
		Identity: e.Subject.Identity, Credential: found.renewed.ID, Method: m.Name(), Factor: countersign.Has, At: now, Renew: found.renewed,
	}, nil
}

// found is what a search came to.
type found struct {
	renewed *countersign.Credential // the one that matched, with its step used up
	used    bool                    // a code matched that was good once
	none    bool                    // there was nothing to look through
}

// search compares the code with every step in reach of every authenticator, and
// with decoys up to the most one can have: neither a match nor their number nor
// that there are none is seen in the time it takes. The error is about a
// credential that cannot be read; it matters only when no other matches.
func (m *Method) search(all []countersign.Credential, code string, now time.Time) (f found, broken error) {
	list := make([]countersign.Credential, 0, most)
	for _, c := range all {
		if c.Method == m.Name() {
			list = append(list, c)
		}
	}
	f.none = len(list) == 0
	owned := len(list)
	for len(list) < most {
		list = append(list, m.decoy)
	}
	for i, c := range list {
		var have stored
		if json.Unmarshal(c.Data, &have) != nil || len(have.Secret) < size {
			broken = fmt.Errorf("totp: stored data of %s cannot be read", c.ID)
			continue
		}
		step, ok := latest(have.Secret, code, now)
		if !ok || i >= owned {
			continue
		}
		if step <= have.Step {
			f.used = true
			continue
		}
		data, err := json.Marshal(stored{have.Secret, step})
		if err != nil {
			return found{}, fmt.Errorf("totp: %w", err)
		}
		c.Data, c.UsedAt = data, now
		f.renewed = &c
	}
	return f, broken
}

// latest is the newest step in reach whose code it is. Two steps may share a
// code by chance; the newest one leaves neither for a second use.
func latest(key []byte, code string, now time.Time) (step int64, ok bool) {
	middle := now.Unix() / int64(period/time.Second)
	for at := middle - drift; at <= middle+drift; at++ {
		if secret.Equal([]byte(code), []byte(shown(hotp(key, uint64(at))))) {
			step, ok = at, true
		}
	}
	return step, ok
}

func fresh() []byte {
	key := make([]byte, size)
	rand.Read(key)
	return key
}

var (
	_ countersign.Preparer = (*Method)(nil)
	_ countersign.Keeper   = (*Method)(nil)
)
