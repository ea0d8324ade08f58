// Package recovery proves with a code from a list that was printed or put away
// for the day when everything else is lost: ten look-up secrets (NIST SP
// 800-63B-4 section 3.1.2) of 80 bits, each good once.
//
// It owns the form of the codes and which are left. Only their SHA-256 is kept:
// 80 random bits are too many to try. That a code is used once though shown
// twice at the same moment is the credential's version's doing, in the process.
package recovery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/secret"
)

const (
	total = 10               // codes of a set
	life  = 15 * time.Minute // from showing a set to keeping it, where that is two steps
)

// Options are what the method needs.
type Options struct {
	Now func() time.Time
}

// Method is the method "recovery_code". It is safe for concurrent use.
type Method struct {
	o     Options
	decoy countersign.Credential
}

// New returns the method. The decoy is a set that nobody has.
func New(o Options) *Method {
	var none set
	for range total {
		none.Hashes = append(none.Hashes, noise())
	}
	data, err := json.Marshal(none)
	if err != nil {
		panic("recovery: bytes and a number always encode: " + err.Error())
	}
	return &Method{o: o, decoy: countersign.Credential{Data: data}}
}

// Name is the method's name in policies, evidence and events.
func (*Method) Name() string { return "recovery_code" }

// Factor is something someone has: the list.
func (*Method) Factor() countersign.Factor { return countersign.Has }

// set is the data of a credential: the hashes of the codes that are left.
type set struct {
	Hashes [][]byte `json:"hashes"`
	Total  int      `json:"total"`
}

// Check accepts {"code": "xxxx-xxxx-xxxx-xxxx"}. The proof takes the code out of
// the set and has its owner told. Everything that is not a code of the newest set is ErrNoMatch.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method string `json:"method"`
		Code   string `json:"code"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "code"}.`)
	}
	// From here on a stranger goes the same way as an owner, with the decoy.
	have, owned := e.Subject.Credential(m.Name())
	if !owned {
		have = m.decoy
	}
	var left set
	if err := json.Unmarshal(have.Data, &left); err != nil {
		return countersign.Proof{}, fmt.Errorf("recovery: stored data of %s cannot be read: %w", have.ID, err)
	}
	code, ok := typed(in.Code)
	at := left.find(sha256.Sum256([]byte(code)))
	switch {
	case !owned || e.Subject.Identity == "":
		return countersign.Proof{}, countersign.NoMatch("no such identity, or it has no recovery codes")
	case !ok || at < 0:
		return countersign.Proof{}, countersign.NoMatch("wrong recovery code, or one that was used")
	}
	left.Hashes = append(left.Hashes[:at:at], left.Hashes[at+1:]...)
	data, err := json.Marshal(left)
	if err != nil {
		return countersign.Proof{}, fmt.Errorf("recovery: %w", err)
	}
	now := m.o.Now()
	have.Data, have.UsedAt = data, now
	return countersign.Proof{
		Identity: e.Subject.Identity, Credential: have.ID, Method: m.Name(), Factor: countersign.Has, At: now, Renew: &have,
		Tell: "recovery_code_used", Told: map[string]string{"left": strconv.Itoa(len(left.Hashes))},
	}, nil
}

// find says where the hash is, or -1. It compares with all, and with nothing in
// the place of those that are used up, so that time tells neither which it was nor how many are left.
func (s set) find(hash [sha256.Size]byte) (at int) {
	at = -1
	for i := range max(total, len(s.Hashes)) {
		have := make([]byte, sha256.Size)
		if i < len(s.Hashes) {
			have = s.Hashes[i]
		}
		if secret.Equal(hash[:], have) && i < len(s.Hashes) {
			at = i
		}
	}
	return at
}

func noise() []byte {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	return b
}

var (
	_ countersign.Preparer = (*Method)(nil)
	_ countersign.Keeper   = (*Method)(nil)
)
