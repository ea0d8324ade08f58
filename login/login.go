// Package login runs an attempt: what was asked, what was answered, and
// whether that is enough. Sign-in, sign-up, verification, recovery and step-up
// are one process with five endings; which method proves is only ever a name
// in a map. Every step reads what is stored, decides, and writes one Change.
//
// It owns the order of things that no step may skip: admit, count the guess,
// take the challenge, check, judge, record. It follows OWASP ASVS 5.0 chapter 6
// and NIST SP 800-63B-4.
package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/risk"
)

// Store is what attempts need from storage.
type Store interface {
	// FindSubject returns who has the verified identifier, with its credentials, or ErrNotFound.
	FindSubject(ctx context.Context, kind, key string) (countersign.Identity, []countersign.Credential, error)
	SubjectOf(context.Context, countersign.IdentityID) (countersign.Identity, []countersign.Credential, error)
	FindAttempt(context.Context, countersign.AttemptID) (countersign.Attempt, error)
	Apply(context.Context, *countersign.Change) error
}

// Challenges are spent once: taking one costs a try, whatever the answer.
type Challenges interface {
	TakeChallenge(ctx context.Context, scope, method string) (countersign.Challenge, error)
	FindChallenge(ctx context.Context, lookup []byte) (countersign.Challenge, error)
}

// Counter counts in the database, before anything is checked.
type Counter interface {
	// Count returns 0 when every budget had room, else how long to wait.
	Count(context.Context, []countersign.Budget) (wait time.Duration, err error)
}

// Issuer makes sessions from what was proved.
type Issuer interface {
	Open(countersign.Enough, countersign.Caller) (countersign.Session, string, error)
	Raise(old countersign.Session, e countersign.Enough, by countersign.Caller) (countersign.Session, string, error)
}

// Process runs attempts. All fields but the last two are needed.
type Process struct {
	Methods    map[string]countersign.Method
	Policies   map[countersign.Purpose]countersign.Policy
	Store      Store
	Challenges Challenges
	Counter    Counter
	Limits     risk.Limits
	Sessions   Issuer
	Life       time.Duration // of an attempt
	Now        func() time.Time
	SafeReturn func(string) (string, bool) // where a person may be sent afterwards

	SignUpClosed  bool     // nobody can make an account by themselves
	SignUpDomains []string // when not empty, the only domains that can
}

// answer is what every step of an attempt carries along.
type answer struct {
	by       countersign.Caller
	attempt  countersign.Attempt
	policy   countersign.Policy
	identity countersign.Identity // stored; zero for strangers and sign-ups
	subject  countersign.Subject
	raw      json.RawMessage
	silent   bool // nothing is sent, though the caller hears the same
}

// Start begins an attempt. With evidence inside, a whole sign-in is one call.
// It answers for an identifier that nobody has as for one that somebody has.
func (p *Process) Start(ctx context.Context, by countersign.Caller, in Start) (Result, error) {
	policy, ok := p.Policies[in.Purpose]
	if !ok {
		return Result{}, countersign.Invalid("purpose", "unknown", "The purpose is one of sign_in, sign_up, verify, recover, step_up.")
	}
	a, err := p.begin(by, in)
	if err != nil {
		return Result{}, err
	}
	s := &answer{by: by, attempt: a, policy: policy, raw: in.Evidence}
	switch in.Purpose {
	case countersign.SignUp:
		return p.startSignUp(ctx, s)
	case countersign.Recover:
		return p.startRecover(ctx, s)
	case countersign.VerifyOwn:
		return p.startVerify(ctx, s)
	case countersign.StepUp:
		// It is about who carries the session, whatever name was sent along.
		if by.Session.ID == "" {
			return Result{}, countersign.ErrUnauthenticated
		}
		s.attempt.Identity, s.attempt.Session = by.Identity.ID, by.Session.ID
	}
	if len(in.Evidence) > 0 {
		r, err := p.prove(ctx, s)
		return r, inside(err)
	}
	return p.startOpen(ctx, s)
}

// inside names the fields of evidence as they stand in the request that starts an attempt.
func inside(err error) error {
	var e *countersign.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	named := *e
	named.Fields = slices.Clone(e.Fields)
	for i, f := range named.Fields {
		if !strings.HasPrefix(f.Field, "evidence") {
			named.Fields[i].Field = "evidence." + f.Field
		}
	}
	return &named
}

// begin makes the attempt that the request describes; nothing is stored yet.
func (p *Process) begin(by countersign.Caller, in Start) (countersign.Attempt, error) {
	now := p.Now()
	a := countersign.Attempt{
		ID: countersign.AttemptID(ids.New("att", now)), Purpose: in.Purpose, State: countersign.NeedsEvidence,
		Issue: in.Issue, Device: by.Device, Locale: by.Locale, CreatedAt: now, Expires: now.Add(p.Life),
	}
	if in.Issue != "" && in.Issue != "cookie" && in.Issue != "session_token" {
		return a, countersign.Invalid("issue", "unknown", "The pass to issue is cookie or session_token.")
	}
	// Asked before anything is stored: an open redirect (CWE-601) must not even wait in the database.
	if in.ReturnTo != "" {
		if a.ReturnTo, _ = p.SafeReturn(in.ReturnTo); a.ReturnTo == "" {
			return a, countersign.Invalid("return_to", "not_allowed", "Give a path of this site or an address that the operator allows.")
		}
	}
	if t := in.Traits; t != nil {
		if err := t.into(&a); err != nil {
			return a, err
		}
	}
	if in.Purpose == countersign.StepUp {
		return a, nil
	}
	kind, key, ok := address.Parse(in.Identifier)
	needEmail := in.Purpose == countersign.SignUp || in.Purpose == countersign.VerifyOwn
	if !ok || needEmail && kind != address.EmailKind {
		return a, countersign.Invalid("identifier", "invalid", "Give an e-mail address, such as ada@example.com"+map[bool]string{false: ", or a username", true: ""}[needEmail]+".")
	}
	a.Identifier = key
	return a, nil
}

// startOpen stores an attempt that waits for evidence.
func (p *Process) startOpen(ctx context.Context, s *answer) (Result, error) {
	// An attempt is a row, so beginning one has a rate; a guess has budgets of its own, drawn on when it is made.
	if err := p.count(ctx, p.Limits.Start(s.by)); err != nil {
		return Result{}, err
	}
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	return p.keep(ctx, s, &countersign.Change{}, "attempt.started")
}

// find fills in whom the attempt is about: the identity that it names already,
// or the one that has the identifier. A disabled one is a stranger.
func (p *Process) find(ctx context.Context, s *answer) (err error) {
	var credentials []countersign.Credential
	// A decoy is about nobody, even if meanwhile somebody has the identifier.
	if s.attempt.Decoy {
		s.subject = countersign.Subject{Address: s.attempt.Identifier}
		if s.attempt.Purpose == countersign.SignUp { // a password is judged as for an address that is free
			s.subject.Names = []string{s.attempt.Name, s.attempt.Identifier}
		}
		return nil
	}
	if s.attempt.Identity != "" && s.attempt.Purpose != countersign.SignUp {
		s.identity, credentials, err = p.Store.SubjectOf(ctx, s.attempt.Identity)
		if err == nil && !s.holds() {
			s.identity.State = "" // the address was removed, perhaps because its mailbox was stolen
		}
	} else if s.attempt.Purpose != countersign.SignUp {
		// By verified identifiers only: an address that nobody has proved names nobody.
		kind, key, _ := address.Parse(s.attempt.Identifier)
		s.identity, credentials, err = p.Store.FindSubject(ctx, kind, key)
	}
	if err != nil && !errors.Is(err, countersign.ErrNotFound) {
		return fmt.Errorf("login: find: %w", err)
	}
	s.subject = countersign.Subject{Identity: s.attempt.Identity, Address: s.mailTo()}
	if s.identity.State == countersign.Active {
		s.attempt.Identity, s.subject.Identity = s.identity.ID, s.identity.ID
		s.subject.Credentials, s.subject.Names = credentials, s.identity.Names()
	} else if s.attempt.Purpose != countersign.SignUp {
		s.subject.Identity = ""
	}
	if s.attempt.Purpose == countersign.SignUp {
		s.subject.Names = []string{s.attempt.Name, s.attempt.Identifier}
	}
	return nil
}

// holds reports whether the identity has the address yet that the attempt began
// with. What is being verified need not be held, and a username proves nothing by itself.
func (s *answer) holds() bool {
	kind, key, _ := address.Parse(s.attempt.Identifier)
	return kind != address.EmailKind || s.attempt.Purpose == countersign.VerifyOwn ||
		slices.ContainsFunc(s.identity.Emails, func(e countersign.Email) bool { return e.Verified && e.Address == key })
}

// mailTo is where a code goes: the address that was given, or the primary one of whom was named otherwise.
func (s *answer) mailTo() string {
	if kind, _, _ := address.Parse(s.attempt.Identifier); kind == address.EmailKind {
		return s.attempt.Identifier
	}
	if s.identity.State == countersign.Active {
		return s.identity.Primary()
	}
	return s.attempt.Identifier
}

// load reads an attempt that is still open.
func (p *Process) load(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (*answer, error) {
	// What has not the form of an id is answered without asking the database.
	if !ids.Is("att", string(id)) {
		return nil, countersign.ErrNotFound
	}
	a, err := p.Store.FindAttempt(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("login: load: %w", err)
	}
	// A step-up belongs to the session that asked for it, whoever learns its id.
	if a.Session != "" && a.Session != by.Session.ID {
		return nil, countersign.ErrNotFound
	}
	return &answer{by: by, attempt: a, policy: p.Policies[a.Purpose]}, nil
}

func (p *Process) open(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (*answer, error) {
	s, err := p.load(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if s.attempt.State != countersign.NeedsEvidence || !p.Now().Before(s.attempt.Expires) {
		return nil, countersign.ErrExpired
	}
	return s, nil
}

// State tells how an attempt stands.
func (p *Process) State(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (Result, error) {
	s, err := p.load(ctx, by, id)
	if err != nil {
		return Result{}, err
	}
	return p.view(s), nil
}

// count draws on budgets, or says when to come back.
func (p *Process) count(ctx context.Context, budgets []countersign.Budget) error {
	if len(budgets) == 0 {
		return nil
	}
	wait, err := p.Counter.Count(ctx, budgets)
	if err != nil {
		return fmt.Errorf("login: count: %w", err)
	}
	if wait > 0 {
		return countersign.SlowDown(wait, "budget used up")
	}
	return nil
}
