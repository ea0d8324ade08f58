// Package password proves identity with a secret someone remembers: NIST SP
// 800-63B-4 section 3.1.1, OWASP ASVS 5.0 chapter 6.2. It owns what a password
// may be, how it is stored (Argon2id, RFC 9106, in PHC form, with an optional
// pepper) and that a stranger's costs as much as an owner's. Who may try, and how
// often, is decided before it is asked.
package password

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/strength"
)

// Options are what the method needs.
type Options struct {
	Params argon.Params   // what a new hash costs
	Rules  strength.Rules // what a new password must be
	Pepper []byte         // mixed into every hash when set; kept outside the database
	Own    []string       // words of the service that no password may be made of
	Arenas *argon.Arenas  // where hashes are made
	Gate   *gate.Gate     // how many at once
	Now    func() time.Time
}

// Method is the method "password".
type Method struct {
	o     Options
	mark  []byte // names the pepper in stored data: "<8 hex>:", or nothing without one
	decoy argon.Encoded
}

// New returns the method. The decoy is a hash that no password has: making its
// tag of random bytes costs nothing at the start, and checking it costs what any hash costs.
func New(o Options) (*Method, error) {
	if o.Params.Time == 0 || o.Params.MemoryKiB == 0 || o.Params.Threads == 0 {
		return nil, errors.New("password: hash parameters are missing")
	}
	random := make([]byte, 16+32)
	rand.Read(random)
	b64 := base64.RawStdEncoding
	decoy, err := argon.Parse(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", o.Params.MemoryKiB, o.Params.Time,
		o.Params.Threads, b64.EncodeToString(random[:16]), b64.EncodeToString(random[16:])))
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	m := &Method{o: o, decoy: decoy}
	// The mark tells "made with another pepper" from "wrong password", and finds
	// hashes from before there was one. It is 32 bits of a hash: too few to find a random
	// pepper by.
	if len(o.Pepper) > 0 {
		sum := sha256.Sum256(append([]byte("countersign pepper "), o.Pepper...))
		m.mark = append(hex.AppendEncode(nil, sum[:4]), ':')
	}
	return m, nil
}

// Name is the method's name in policies, evidence and events (RFC 8176 says "pwd").
func (*Method) Name() string { return "password" }

// Factor is what someone knows.
func (*Method) Factor() countersign.Factor { return countersign.Knows }

// Enter waits for a place among the hashes, or reports ErrOverloaded.
func (m *Method) Enter(ctx context.Context) (func(), error) {
	leave, err := m.o.Gate.Enter(ctx)
	var full *gate.OverloadedError
	if errors.As(err, &full) {
		return nil, &countersign.Error{Code: countersign.ErrOverloaded.Code, RetryAfter: full.RetryAfter}
	}
	return leave, err
}

// Check accepts {"password": "…"}.
func (m *Method) Check(ctx context.Context, e countersign.Evidence) (countersign.Proof, error) {
	var in struct {
		Method   string `json:"method"`
		Password string `json:"password"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Proof{}, countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method", "password"}.`)
	}
	return m.prove(ctx, e.Subject, "password", in.Password)
}

func (m *Method) prove(ctx context.Context, s countersign.Subject, field, text string) (countersign.Proof, error) {
	normal, err := normalize(field, text)
	if err != nil {
		return countersign.Proof{}, err
	}
	// From here on a stranger goes the same way as an owner, with the decoy.
	have, ok := s.Credential(m.Name())
	data, peppered := bytes.CutPrefix(have.Data, m.mark)
	peppered = peppered && m.mark != nil
	hash := m.decoy
	if ok {
		if hash, err = argon.Parse(string(data)); err != nil {
			return countersign.Proof{}, fmt.Errorf("password: stored hash of %s cannot be used, perhaps made with another pepper: %w", have.ID, err)
		}
	}
	var match bool
	if err := m.o.Gate.Run(ctx, func() { match = m.o.Arenas.Match(hash, m.pepper(normal, peppered || !ok)) }); err != nil {
		return countersign.Proof{}, err
	}
	switch {
	case !ok || s.Identity == "":
		return countersign.Proof{}, countersign.NoMatch("no such identity, or it has no password")
	case !match:
		return countersign.Proof{}, countersign.NoMatch("wrong password")
	}
	now := m.o.Now()
	p := countersign.Proof{Identity: s.Identity, Credential: have.ID, Method: m.Name(), Factor: countersign.Knows, At: now}
	// Only now is the password at hand, so only now can its hash be made stronger.
	if hash.Weaker(m.o.Params) || peppered != (m.mark != nil) {
		if p.Refresh, err = m.renew(ctx, have, normal, now); err != nil {
			return countersign.Proof{}, err
		}
	}
	return p, nil
}

// renew makes the credential that replaces a weaker one while the password is at hand.
func (m *Method) renew(ctx context.Context, have countersign.Credential, normal string, now time.Time) (*countersign.Credential, error) {
	data, err := m.hash(ctx, normal)
	if err != nil {
		return nil, err
	}
	have.Data, have.UsedAt = data, now
	return &have, nil
}

// Enroll accepts {"password": "…"} as the new password.
func (m *Method) Enroll(ctx context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	var in struct {
		Method   string `json:"method"`
		Password string `json:"password"`
	}
	if err := jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Credential{}, countersign.Invalid("evidence", "invalid", `To set a password, give {"method", "password"}.`)
	}
	return m.set(ctx, s, "password", in.Password)
}

// Fit says what is wrong with the new password of a Change, before anything is compared.
func (m *Method) Fit(e countersign.Evidence) error {
	in, err := changeOf(e)
	if err != nil {
		return err
	}
	return m.judge(e.Subject, "new_password", in.New)
}

// change is the evidence of a Change.
type change struct {
	Current string `json:"current_password"`
	New     string `json:"new_password"`
}

func changeOf(e countersign.Evidence) (in change, err error) {
	if jsonx.Unmarshal(e.Answer, &in, jsonx.RejectUnknownMembers(true)) != nil {
		return in, countersign.Invalid("", "invalid", `To change a password, give {"current_password", "new_password"}.`)
	}
	return in, nil
}

// Change accepts {"current_password": "…", "new_password": "…"}.
func (m *Method) Change(ctx context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	in, err := changeOf(e)
	if err != nil {
		return countersign.Credential{}, err
	}
	if err := m.judge(s, "new_password", in.New); err != nil {
		return countersign.Credential{}, err
	}
	proof, err := m.prove(ctx, s, "current_password", in.Current)
	if err != nil {
		return countersign.Credential{}, err
	}
	made, err := m.set(ctx, s, "new_password", in.New)
	made.ID = proof.Credential // in its place, so that the old one is gone in the same write
	return made, err
}

func (m *Method) set(ctx context.Context, s countersign.Subject, field, text string) (countersign.Credential, error) {
	if err := m.judge(s, field, text); err != nil {
		return countersign.Credential{}, err
	}
	normal, err := normalize(field, text)
	if err != nil {
		return countersign.Credential{}, err
	}
	data, err := m.hash(ctx, normal)
	if err != nil {
		return countersign.Credential{}, err
	}
	return countersign.Credential{Identity: s.Identity, Method: m.Name(), Data: data, CreatedAt: m.o.Now()}, nil
}

// judge says what is wrong with a new password, with a hint what would be better.
func (m *Method) judge(s countersign.Subject, field, text string) error {
	v := m.o.Rules.Check(text, append(append([]string{}, s.Names...), m.o.Own...))
	if v.Problem == strength.OK {
		return nil
	}
	// In English for programs; pages have the code, and words in the reader's language.
	words := strength.English()
	message := words[string(v.Problem)]
	if v.Problem == strength.TooShort {
		message = fmt.Sprintf("Use at least %d characters.", max(m.o.Rules.Min, strength.MinLength))
	}
	for _, a := range v.Advice {
		message += " " + words[string(a)]
	}
	return countersign.Invalid(field, string(v.Problem), message)
}

func (m *Method) hash(ctx context.Context, normal string) (data []byte, err error) {
	var phc string
	var failed error
	if err := m.o.Gate.Run(ctx, func() { phc, failed = m.o.Arenas.Hash(m.pepper(normal, true), m.o.Params, rand.Reader) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("password: %w", failed)
	}
	return append(bytes.Clone(m.mark), phc...), nil
}

// pepper keys the password with a secret that a stolen database does not hold (ASVS 5.0 11.4).
func (m *Method) pepper(normal string, with bool) []byte {
	if m.mark == nil || !with {
		return []byte(normal)
	}
	mac := hmac.New(sha256.New, m.o.Pepper)
	mac.Write([]byte(normal))
	return mac.Sum(nil)
}

// normalize gives the form that is hashed. What cannot be a password is refused
// for its form alone, before anything is looked up.
func normalize(field, text string) (string, error) {
	normal, err := strength.Normalize(text)
	switch {
	case text == "":
		return "", countersign.Invalid(field, "required", "Enter a password.")
	case errors.Is(err, strength.ErrNotText):
		return "", countersign.Invalid(field, string(strength.NotText), strength.English()[string(strength.NotText)])
	case err != nil || len([]rune(normal)) > strength.MaxLength:
		return "", countersign.Invalid(field, string(strength.TooLong), fmt.Sprintf("A password has at most %d characters.", strength.MaxLength))
	}
	return normal, nil
}

var (
	_ countersign.Enroller = (*Method)(nil)
	_ countersign.Changer  = (*Method)(nil)
	_ countersign.Costly   = (*Method)(nil)
)
