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

// Holders finds whose a credential is, for evidence that names it.
type Holders interface {
	// FindHolder returns who has the credential with that lookup, with all of theirs, or ErrNotFound.
	FindHolder(ctx context.Context, method, lookup string) (countersign.Identity, []countersign.Credential, error)
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

// Waiting is a method that proves by having waited.
type Waiting interface {
	countersign.Enroller
	// Ready is from when and until when the credential proves; ok is false for none of its own.
	Ready(countersign.Credential) (at, until time.Time, ok bool)
}

// Process runs attempts. All fields are needed up to the empty line.
type Process struct {
	Methods    map[string]countersign.Method
	Policies   map[countersign.Purpose]countersign.Policy
	Store      Store
	Holders    Holders
	Challenges Challenges
	Counter    Counter
	Limits     risk.Limits
	Sessions   Issuer
	Life       time.Duration // of an attempt
	Now        func() time.Time
	SafeReturn func(string) (string, bool) // where a person may be sent afterwards

	SignUpClosed  bool     // nobody can make an account by themselves
	SignUpDomains []string // when not empty, the only domains that can

	Remember countersign.Method // proves with what the door found in the browser, once a person proved; nil for none
	Reset    Waiting            // makes the waiting reset of lost factors; nil for none
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
	method   countersign.Method
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
		s.attempt.Before, s.attempt.Needs = p.carried(by.Session), in.needs()
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
	if in.Identifier == "" && in.Purpose == countersign.SignIn && p.nameless(in.Evidence) {
		return a, nil
	}
	kind, key, ok := address.Parse(in.Identifier)
	reached := in.Purpose == countersign.SignUp || in.Purpose == countersign.VerifyOwn
	if !ok || reached && channelOf(kind) == "" {
		return a, countersign.Invalid("identifier", "invalid", "Give an e-mail address, such as ada@example.com, or a phone number with its country, such as +44 20 7946 0958"+map[bool]string{false: ", or a username", true: ""}[reached]+".")
	}
	a.Identifier = key
	return a, nil
}

// nameless reports whether an attempt may begin without a name: there is a method
// whose evidence says whose it is, and what came along is of it.
func (p *Process) nameless(evidence json.RawMessage) bool {
	for name, m := range p.Methods {
		if _, ok := m.(countersign.Namer); !ok || !slices.Contains(p.Policies[countersign.SignIn].Offer, name) {
			continue
		}
		if given, err := methodOf(evidence); len(evidence) == 0 || err == nil && given == name {
			return true
		}
	}
	return false
}

// channelOf is how the owner of an identifier is reached; "" when it tells nothing of that.
func channelOf(kind string) string {
	return map[string]string{address.EmailKind: "email", address.PhoneKind: "sms"}[kind]
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
	a := &s.attempt
	s.subject = countersign.Subject{Identity: a.Identity, Address: s.reach()}
	if a.Purpose == countersign.SignUp { // a password is judged as for an address that is free
		s.subject.Names = []string{a.Name, a.Identifier}
	}
	switch {
	case a.Decoy: // about nobody, even if meanwhile somebody has the identifier
		s.subject.Identity = ""
		return nil
	case a.Purpose == countersign.SignUp:
		return nil
	case a.Identity != "":
		s.identity, credentials, err = p.Store.SubjectOf(ctx, a.Identity)
		if err == nil && !s.holds() {
			s.identity = countersign.Identity{} // the address was removed, perhaps because its mailbox was stolen
		}
	case a.Identifier != "":
		// By verified identifiers only: an address that nobody has proved names nobody.
		kind, key, _ := address.Parse(a.Identifier)
		s.identity, credentials, err = p.Store.FindSubject(ctx, kind, key)
	default:
		s.identity, credentials, err = p.holder(ctx, s)
	}
	if err != nil && !errors.Is(err, countersign.ErrNotFound) {
		return fmt.Errorf("login: find: %w", err)
	}
	p.about(s, credentials)
	return nil
}

// holder finds whose the evidence is, when its method can tell.
func (p *Process) holder(ctx context.Context, s *answer) (countersign.Identity, []countersign.Credential, error) {
	m, ok := s.method.(countersign.Namer)
	if !ok || len(s.raw) == 0 {
		return countersign.Identity{}, nil, countersign.ErrNotFound
	}
	lookup := m.Names(s.raw)
	if lookup == "" {
		return countersign.Identity{}, nil, countersign.ErrNotFound
	}
	return p.Holders.FindHolder(ctx, m.Name(), lookup)
}

// about takes what was found into the attempt and its subject.
func (p *Process) about(s *answer, credentials []countersign.Credential) {
	a := &s.attempt
	if s.identity.State != countersign.Active {
		s.identity, a.Proofs, a.Enrolled, a.Of = countersign.Identity{}, nil, nil, 0
		s.subject.Identity, s.subject.Address = "", s.reach()
		return
	}
	// What was proved was proved of the identity as it was: a password changed or a
	// factor removed since then may have been the one.
	if len(a.Proofs) > 0 && a.Of != s.identity.Version {
		a.Proofs, a.Enrolled, a.Of = nil, nil, 0
	}
	s.subject.Identity, s.subject.Address = s.identity.ID, s.reach()
	s.subject.Credentials, s.subject.Names = credentials, s.identity.Names()
	// Without a name the attempt is about whoever proves, so nobody before that.
	if a.Identifier != "" {
		a.Identity = s.identity.ID
	}
	if s.subject.Proved = len(a.Proofs) > 0 || a.Session != ""; s.subject.Proved {
		p.known(s)
		p.tell(s)
	}
}

// known fills in what decides about somebody who has proved something: whether
// they have a second step, and what their roles need.
func (p *Process) known(s *answer) {
	a := &s.attempt
	a.Can = countersign.Usable(p.Methods, s.policy.Second, s.identity, s.left())
	if a.Of == 0 {
		a.Of = s.identity.Version
	}
	ruled := s.policy.Needs(s.identity, p.Now())
	a.Needs.Factors, a.Needs.Bound = max(a.Needs.Factors, ruled.Factors), a.Needs.Bound || ruled.Bound
}

// left are the credentials without those that a reset in this attempt takes away.
func (s *answer) left() []countersign.Credential {
	have := s.subject.Credentials
	for _, proof := range s.attempt.Proofs {
		have = without(have, proof.Ends)
	}
	return have
}

// without leaves some credentials out.
func without(have []countersign.Credential, ids []countersign.CredentialID) []countersign.Credential {
	if len(ids) == 0 {
		return have
	}
	return slices.DeleteFunc(slices.Clone(have), func(c countersign.Credential) bool { return slices.Contains(ids, c.ID) })
}

// tell fills in what decides what they are asked for next: by what else they can
// prove, when a reset that waits will, and where they are reached.
func (p *Process) tell(s *answer) {
	a, have := &s.attempt, s.left()
	if s.identity.ID == "" || len(a.Proofs)+len(a.Before) == 0 {
		return
	}
	if a.Ready = p.waits(s); a.Ready.IsZero() && p.Reset != nil { // one whose time is over is none
		have = slices.DeleteFunc(slices.Clone(have), func(c countersign.Credential) bool { return c.Method == p.Reset.Name() })
	}
	names := slices.Concat(s.policy.Second, s.policy.Spare, s.policy.Offer, s.policy.Strong)
	a.Can, a.Masked = countersign.Usable(p.Methods, names, s.identity, have), map[string]string{}
	for _, channel := range []string{"email", "sms"} {
		if to := s.identity.Reach(channel); to != "" {
			a.Masked[channel] = address.Mask(to)
		}
	}
}

// holds reports whether the identity has the address or number yet that the attempt began
// with. What is being verified need not be held, and a username proves nothing by itself.
func (s *answer) holds() bool {
	if s.attempt.Purpose == countersign.VerifyOwn {
		return true
	}
	switch kind, key, _ := address.Parse(s.attempt.Identifier); kind {
	case address.EmailKind:
		return slices.ContainsFunc(s.identity.Emails, func(e countersign.Email) bool { return e.Verified && e.Address == key })
	case address.PhoneKind:
		return slices.ContainsFunc(s.identity.Phones, func(p countersign.Phone) bool { return p.Verified && p.Number == key })
	}
	return true
}

// reach is where the method's message goes: the address or number that was given, or
// the identity's own when it was named otherwise.
func (s *answer) reach() string {
	channel := "email"
	if m, ok := s.method.(countersign.Sender); ok {
		channel = m.Channel()
	}
	if kind, _, _ := address.Parse(s.attempt.Identifier); channelOf(kind) == channel {
		return s.attempt.Identifier
	}
	if s.identity.State == countersign.Active {
		return s.identity.Reach(channel)
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
