// Package code proves that someone reads what is sent to an address or a
// number: by a code to type or by a link to open. It is three methods that
// differ in what they send and how: a code with a link by mail, a code by SMS, and
// a link alone. It follows the limits of OWASP ASVS 5.0 6.6 and NIST SP 800-63B-4 for
// codes sent out of band, though mail is no out-of-band authenticator there and
// SMS a restricted one: each counts as one factor at most.
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
	"github.com/countersign-id/countersign/internal/digits"
	"github.com/countersign-id/countersign/internal/secret"
)

// Method is one way to prove with what was sent. It is safe for concurrent use.
type Method struct {
	o Options
	k kind
}

// Options are what a code method needs; all of them but Channel. The key is
// another one for each method.
type Options struct {
	Key     []byte        // hashes codes, which are too short for a plain hash
	Life    time.Duration // how long a code or a link can be used
	Tries   int           // how many answers a code takes
	Channel string        // of NewLink alone: "email" unless said, "sms" or another that messages can go through
	Now     func() time.Time
}

// Factor is something someone has: a mailbox, a telephone.
func (*Method) Factor() countersign.Factor { return countersign.Has }

// kept is what Check compares with; what the kind does not send is empty and matches nothing.
type kept struct {
	Code  []byte `json:"code"`  // HMAC of the code, the identity and the address
	Token []byte `json:"token"` // SHA-256 of the link's token
}

// Challenge makes what is sent. For a stranger it makes it as well, and it proves nothing.
func (m *Method) Challenge(_ context.Context, s countersign.Subject) (countersign.Challenge, error) {
	expires := m.o.Now().Add(m.o.Life)
	c := countersign.Challenge{
		Method: m.k.name, Subject: s, Page: m.k.page, Letter: m.k.letter, Tries: m.o.Tries, Expires: expires,
	}
	var keep kept
	if m.k.digits > 0 {
		c.Secrets.Code = secret.Digits(m.k.digits)
		keep.Code = m.mac(s, c.Secrets.Code)
	}
	if m.k.link {
		token, hash := secret.New(secret.Link)
		c.Secrets.Token, c.Lookup, keep.Token = token, hash[:], hash[:]
	}
	var err error
	if c.Keep, err = json.Marshal(keep); err != nil {
		return countersign.Challenge{}, err
	}
	// Not where it goes: behind a username that would tell who has it.
	c.Show, err = json.Marshal(map[string]any{"expires_at": expires.UTC().Truncate(time.Second)})
	return c, err
}

// Check accepts {"code": "12345678"} or {"token": "cs_lnk_…"}, as far as the kind
// sends one. A code may be typed in groups and with the digits of any script.
// Everything that is not the right one is ErrNoMatch, whatever is wrong with it, so
// that the form of an answer tells as little as its value.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method string `json:"method"`
		Code   string `json:"code"`
		Token  string `json:"token"`
	}
	err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true))
	if err != nil || in.Code != "" && m.k.digits == 0 || in.Token != "" && !m.k.link {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", "The evidence of this method is "+m.k.form+".")
	}
	var asked kept
	if len(e.Asked) == 0 || json.Unmarshal(e.Asked, &asked) != nil {
		return countersign.Proof{}, countersign.NoMatch("nothing was asked")
	}
	hash, ok := secret.Hash(secret.Link, in.Token)
	byLink := ok && m.k.link && secret.Equal(hash[:], asked.Token)
	byCode := m.k.digits > 0 && secret.Equal(m.mac(e.Subject, digits.Fold(in.Code)), asked.Code)
	if in.Code != "" && in.Token != "" || !byLink && !byCode {
		return countersign.Proof{}, countersign.NoMatch("wrong code")
	}
	if e.Subject.Identity == "" {
		return countersign.Proof{}, countersign.NoMatch("a stranger's code")
	}
	return countersign.Proof{Identity: e.Subject.Identity, Method: m.k.name, Factor: m.Factor(), At: m.o.Now()}, nil
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

var _ countersign.Sender = (*Method)(nil)
