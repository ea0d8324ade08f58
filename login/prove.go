package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-id/countersign"
)

// Answer takes one piece of evidence and says how the attempt stands then.
// Wrong evidence is ErrNoMatch and leaves it open.
func (p *Process) Answer(ctx context.Context, by countersign.Caller, id countersign.AttemptID, evidence json.RawMessage) (Result, error) {
	name, err := methodOf(evidence)
	if err != nil {
		return Result{}, err
	}
	s, err := p.open(ctx, by, id)
	if errors.Is(err, countersign.ErrExpired) {
		return Result{}, p.late(ctx, &answer{by: by, attempt: countersign.Attempt{ID: id}}, name, "the attempt is over")
	}
	if err != nil {
		return Result{}, err
	}
	s.raw = evidence
	if p.mayEnroll(s, name) {
		return p.enroll(ctx, s, name)
	}
	return p.prove(ctx, s)
}

// methodOf reads which method the evidence is for; the caller says it, nobody is asked in turn.
func methodOf(evidence json.RawMessage) (string, error) {
	var in struct {
		Method string `json:"method"`
	}
	if json.Unmarshal(evidence, &in) != nil || in.Method == "" {
		return "", countersign.Invalid("evidence.method", "required", "Evidence names its method.")
	}
	return in.Method, nil
}

// prove checks one piece of evidence: admit, find, count, take, check, judge,
// record. No step can be skipped by a method, and none knows which method it is.
func (p *Process) prove(ctx context.Context, s *answer) (Result, error) {
	name, err := methodOf(s.raw)
	if err != nil {
		return Result{}, err
	}
	m, ok := p.Methods[name]
	if !ok || !s.policy.Knows(name) {
		return Result{}, countersign.Invalid("evidence.method", "not_offered", "This method is not offered here.")
	}
	if s.method = m; !s.policy.May(s.attempt, name) {
		return Result{}, p.refuse(ctx, s, name, countersign.NoMatch("out of order"))
	}
	// Before it is counted: who is sent away for load must not lose a guess.
	leave, err := countersign.Admit(ctx, m)
	if err != nil {
		return Result{}, fmt.Errorf("login: admit %s: %w", name, err)
	}
	defer leave()
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if !s.policy.May(s.attempt, name) { // what was proved before it has been undone meanwhile
		return Result{}, p.again(ctx, s, name)
	}
	// Counted and committed before anything is compared: parallel guesses would
	// else all read the same count (CWE-362).
	budgets, back := p.guess(s)
	if err := p.count(ctx, budgets); err != nil {
		return Result{}, p.refuse(ctx, s, name, err)
	}
	c := &countersign.Change{Clear: back}
	proof, err := p.check(ctx, s, m, c)
	if err != nil {
		return Result{}, p.refuse(ctx, s, name, err)
	}
	// The thread is given back before the writing: what was counted is decided.
	leave()
	c.Events = []countersign.Event{p.event(s, "proof.given", name)}
	p.accept(s, c, proof)
	p.remembered(ctx, s)
	return p.settle(ctx, s, c)
}

// again refuses what builds on proofs that count no more, because their identity
// has changed since, and keeps the attempt without them, so that it asks from the start.
func (p *Process) again(ctx context.Context, s *answer, name string) error {
	e := p.event(s, "proof.refused", name)
	e.Outcome, e.Reason = "refused", "what was proved first has changed"
	err := p.Store.Apply(context.WithoutCancel(ctx), &countersign.Change{Attempt: &s.attempt, Events: []countersign.Event{e}})
	if err != nil {
		return lost(err)
	}
	return countersign.NoMatch(e.Reason)
}

// late records evidence, or a link, that comes after its time.
func (p *Process) late(ctx context.Context, s *answer, method, reason string) error {
	if p.count(ctx, p.Limits.Refusal(s.by)) != nil {
		return countersign.ErrExpired
	}
	e := p.event(s, "proof.refused", method)
	e.Outcome, e.Reason = "refused", reason
	if err := p.Store.Apply(context.WithoutCancel(ctx), &countersign.Change{Events: []countersign.Event{e}}); err != nil {
		return fmt.Errorf("login: record a refusal: %w", err)
	}
	return countersign.ErrExpired
}

// guess is what the evidence draws on. What names its own credential is a
// signature: it cannot be guessed, and a stranger who has seen the credential's
// id must not lock its owner out.
func (p *Process) guess(s *answer) (all []countersign.Budget, back []string) {
	by, limits := s.by, p.Limits
	if _, ok := s.method.(countersign.Namer); ok {
		limits.Guesses = 0
	}
	if s.subject.Proved {
		// The second step of a sign-in is of one identity, under whatever name it began.
		return limits.Guess(by, s.subject.Identity, string(s.subject.Identity), s.method.Name())
	}
	return limits.Guess(by, s.subject.Identity, s.attempt.Identifier, s.method.Name())
}

// accept adds a proof to the attempt.
func (p *Process) accept(s *answer, c *countersign.Change, proof countersign.Proof) {
	a := &s.attempt
	a.Identity = proof.Identity
	a.Proofs = append(a.Proofs, proof)
	p.known(s)
	// Both are compared by their version: a stronger hash must not bring back a password
	// that was changed meanwhile, and of two that show the same step or code one is too late.
	if proof.Renew != nil {
		c.Credentials = append(c.Credentials, *proof.Renew)
	}
	if proof.Refresh != nil {
		c.Refresh = append(c.Refresh, *proof.Refresh)
	}
	if proof.Tell != "" {
		c.Send = append(c.Send, p.letters(s, proof.Tell, proof.Told)...)
	}
}

// remembered adds what the browser holds of a sign-in before, once a person has
// proved something by themselves. Whatever is wrong with it, it only adds nothing.
func (p *Process) remembered(ctx context.Context, s *answer) {
	a := &s.attempt
	if p.Remember == nil || s.by.Remembered == "" || a.Purpose != countersign.SignIn || len(a.Proofs) != 1 || !slices.Contains(s.policy.Spare, p.Remember.Name()) {
		return
	}
	raw, err := json.Marshal(map[string]string{"method": p.Remember.Name(), "token": s.by.Remembered})
	if err != nil {
		return
	}
	proof, err := p.Remember.Check(ctx, countersign.Evidence{Method: p.Remember.Name(), Subject: s.subject, Answer: raw, From: s.by.From})
	if err == nil && proof.Identity == s.subject.Identity && proof.Identity != "" {
		proof.Renew = nil // nothing is written for it
		a.Proofs = append(a.Proofs, proof)
	}
}

// check takes the challenge that the method kept, if it asks at all, and checks the evidence against it.
func (p *Process) check(ctx context.Context, s *answer, m countersign.Method, c *countersign.Change) (countersign.Proof, error) {
	e := countersign.Evidence{Method: m.Name(), Subject: s.subject, Answer: s.raw, From: s.by.From}
	if _, asks := m.(countersign.Challenger); asks {
		taken, err := p.Challenges.TakeChallenge(ctx, s.scope(), m.Name())
		if errors.Is(err, countersign.ErrNotFound) {
			return countersign.Proof{}, countersign.NoMatch("not asked, expired, used or tried too often")
		}
		if err != nil {
			return countersign.Proof{}, fmt.Errorf("login: take challenge: %w", err)
		}
		if _, sent := m.(countersign.Sender); sent && taken.Subject.Address != s.subject.Address {
			return countersign.Proof{}, countersign.NoMatch("asked at an address that is no longer the one")
		}
		// Its try is gone now; it is spent with the record of the proof, so that a
		// crash in between costs a try and not the code.
		e.Asked, c.Spend = taken.Keep, &taken
	}
	proof, err := m.Check(ctx, e)
	if err != nil {
		return proof, fmt.Errorf("login: check %s: %w", m.Name(), err)
	}
	// A method is believed about the evidence, never about whom it is for.
	if proof.Identity == "" || proof.Identity != s.subject.Identity {
		return proof, countersign.NoMatch("another identity")
	}
	proof.Method = m.Name()
	return proof, nil
}

// scope names the challenges of an attempt. Those for an address of an account
// belong to the address, so that a newer one ends the older whatever asked for it.
func (s *answer) scope() string {
	if s.attempt.Purpose == countersign.VerifyOwn && s.attempt.Identity != "" {
		return Scope(s.attempt.Identity, s.attempt.Identifier)
	}
	return string(s.attempt.ID)
}

// Scope names the challenge that proves an address of an account.
func Scope(i countersign.IdentityID, address string) string { return string(i) + "/" + address }

// refuse records why evidence was refused, and tells the caller no more than they may know.
func (p *Process) refuse(ctx context.Context, s *answer, method string, cause error) error {
	var known *countersign.Error
	if !errors.As(cause, &known) || known.Code == countersign.ErrOverloaded.Code {
		return cause // it could not be looked at: nothing was decided, so nothing is recorded
	}
	ctx = context.WithoutCancel(ctx) // whoever hangs up right after a guess is written down too
	if known.Code == countersign.ErrSlowDown.Code && p.count(ctx, p.Limits.Refusal(s.by)) != nil {
		return known
	}
	e := p.event(s, "proof.refused", method)
	e.Outcome, e.Reason = "refused", known.Reason
	if e.Reason == "" {
		e.Reason = known.Code
	}
	if err := p.Store.Apply(ctx, &countersign.Change{Events: []countersign.Event{e}}); err != nil {
		return fmt.Errorf("login: record a refusal: %w", err)
	}
	return known
}

// settle judges the attempt as it stands now, and does what the verdict says.
func (p *Process) settle(ctx context.Context, s *answer, c *countersign.Change) (Result, error) {
	switch v := s.policy.Judge(s.attempt, p.Now()).(type) {
	case countersign.Enough:
		return p.finish(ctx, s, c, v)
	case countersign.Refused:
		s.attempt.State = countersign.Failed
		c.Attempt = &s.attempt
		e := p.event(s, "attempt.refused", "")
		e.Outcome, e.Reason = "refused", v.Reason
		c.Events = append(c.Events, e)
		if err := p.Store.Apply(ctx, c); err != nil {
			return Result{}, fmt.Errorf("login: refuse: %w", err)
		}
		return Result{}, countersign.NoMatch(v.Reason)
	default: // more is needed: the proof is kept, no pass is opened
		p.tell(s)
		c.Attempt = &s.attempt
		if err := p.Store.Apply(ctx, c); err != nil {
			return Result{}, lost(err)
		}
		return p.view(s), nil
	}
}

// lost turns a lost race for a one-use thing into what everyone else who is too late hears.
func lost(err error) error {
	if errors.Is(err, countersign.ErrConflict) {
		return countersign.NoMatch("used already, or by another request at the same time")
	}
	return fmt.Errorf("login: settle: %w", err)
}
