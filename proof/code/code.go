// Package code proves that someone reads the mail of an address: by a code to
// type or by a link to open, both sent in one message and spent together. It
// follows the limits of OWASP ASVS 5.0 6.6 and NIST SP 800-63B-4 for codes sent
// out of band, though mail is no out-of-band authenticator there: it counts as one factor at most.
//
// It owns the form of codes and links. Sending and keeping them is the process's.
package code

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/secret"
)

// digits of a code that is mailed: 26 bits, guessed at most Tries times.
const digits = 8

// Method is one way to prove with a code. It is safe for concurrent use.
type Method struct {
	o Options
}

// Options are what a code method needs; all of them.
type Options struct {
	Key   []byte        // hashes codes, which are too short for a plain hash
	Life  time.Duration // how long a code can be used
	Tries int           // how many answers a code takes
	Now   func() time.Time
}

// New returns the method "email_code".
func New(o Options) *Method { return &Method{o} }

// Name is the method's name in policies, evidence and events.
func (*Method) Name() string { return "email_code" }

// kept is what Check compares with.
type kept struct {
	Code  []byte `json:"code"`  // HMAC of the code, the identity and the address
	Token []byte `json:"token"` // SHA-256 of the link's token
}

// Challenge makes a code and a link. For a stranger it makes them as well, and they prove nothing.
func (m *Method) Challenge(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	code := secret.Digits(digits)
	token, hash := secret.New(secret.Link)
	now := m.o.Now()
	keep, err := json.Marshal(kept{m.mac(s, code), hash[:]})
	if err != nil {
		return countersign.Challenge{}, err
	}
	expires := now.Add(m.o.Life)
	// Not where it goes: behind a username that would tell who has it.
	show, err := json.Marshal(map[string]any{"expires_at": expires.UTC().Truncate(time.Second)})
	if err != nil {
		return countersign.Challenge{}, err
	}
	return countersign.Challenge{
		Method: m.Name(), Subject: s, Keep: keep, Lookup: hash[:], Show: show,
		Secrets: countersign.Secrets{Code: code, Token: token}, Tries: m.o.Tries, Expires: expires,
	}, nil
}

// Check accepts {"code": "12345678"} or {"token": "cs_lnk_…"}. Everything that
// is not the right one is ErrNoMatch, whatever is wrong with it, so that the
// form of an answer tells as little as its value.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method string `json:"method"`
		Code   string `json:"code"`
		Token  string `json:"token"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "code"}.`)
	}
	var asked kept
	if len(e.Asked) == 0 || json.Unmarshal(e.Asked, &asked) != nil {
		return countersign.Proof{}, countersign.NoMatch("nothing was asked")
	}
	hash, ok := secret.Hash(secret.Link, in.Token)
	byLink := ok && secret.Equal(hash[:], asked.Token)
	byCode := secret.Equal(m.mac(e.Subject, in.Code), asked.Code)
	if in.Code != "" && in.Token != "" || !byLink && !byCode {
		return countersign.Proof{}, countersign.NoMatch("wrong code")
	}
	if e.Subject.Identity == "" {
		return countersign.Proof{}, countersign.NoMatch("a stranger's code")
	}
	return countersign.Proof{Identity: e.Subject.Identity, Method: m.Name(), Factor: countersign.Has, At: m.o.Now()}, nil
}

// mac binds a code to one identity and one address, so that a code sent
// elsewhere proves nothing here. An empty code has none, so it never matches.
func (m *Method) mac(s countersign.Subject, code string) []byte {
	if code == "" {
		return nil
	}
	h := hmac.New(sha256.New, m.o.Key)
	for _, part := range []string{string(s.Identity), s.Address, code} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

var _ countersign.Challenger = (*Method)(nil)
