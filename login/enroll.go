package login

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// mayEnroll says whether the attempt may set up a credential of the method now. A
// recovery must be proved first: else whoever began it would choose the password
// and the owner, by proving, would set it. A sign-up is about nobody yet, so it may at any time.
func (p *Process) mayEnroll(s *answer, name string) bool {
	more, ok := s.policy.Judge(s.attempt, p.Now()).(countersign.More)
	return ok && (more.Enroll && slices.Contains(more.Methods, name) ||
		s.attempt.Purpose == countersign.SignUp && slices.Contains(s.policy.Enroll, name))
}

// enroll sets up a credential in the attempt; it counts only when the attempt is enough.
func (p *Process) enroll(ctx context.Context, s *answer, name string) (Result, error) {
	s.method = p.Methods[name]
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	// Whoever is proved again must prove again; until then nothing is set up.
	if !p.mayEnroll(s, name) {
		return Result{}, p.again(ctx, s, name)
	}
	// Each costs work and a record, though it is no guess.
	if err := p.count(ctx, p.Limits.Start(s.by)); err != nil {
		return Result{}, err
	}
	c := &countersign.Change{}
	if err := p.set(ctx, s, name, c); errors.Is(err, countersign.ErrNoMatch) {
		return Result{}, p.refuse(ctx, s, name, err)
	} else if err != nil {
		return Result{}, err
	}
	c.Events = []countersign.Event{p.event(s, "credential.prepared", name)}
	return p.settle(ctx, s, c)
}

// pending names the challenge of what is being set up, apart from one that proves.
func pending(method string) string { return method + "/enroll" }

// prepare lets a method show what setting it up takes.
func (p *Process) prepare(ctx context.Context, s *answer, m countersign.Preparer) (Result, error) {
	if err := p.count(ctx, p.Limits.Start(s.by)); err != nil {
		return Result{}, err
	}
	made, err := m.Prepare(ctx, s.newcomer())
	if err != nil {
		return Result{}, fmt.Errorf("login: prepare %s: %w", m.Name(), err)
	}
	made.Scope, made.Method, made.Subject = s.scope(), pending(m.Name()), countersign.Subject{Identity: s.attempt.Identity}
	r, err := p.keep(ctx, s, &countersign.Change{Challenge: &made}, "challenge.sent")
	r.Challenge = made.Show
	return r, err
}

// set lets the method make a credential and keeps it with the attempt.
func (p *Process) set(ctx context.Context, s *answer, name string, c *countersign.Change) error {
	m, ok := p.Methods[name].(countersign.Enroller)
	if !ok {
		return countersign.Invalid("evidence.method", "not_offered", "This method cannot be set up here.")
	}
	leave, err := countersign.Admit(ctx, m)
	if err != nil {
		return fmt.Errorf("login: admit %s: %w", name, err)
	}
	defer leave()
	e := countersign.Evidence{Method: name, Subject: s.newcomer(), Answer: s.raw, From: s.by.From}
	_, prepared := m.(countersign.Preparer)
	if prepared {
		taken, err := p.Challenges.TakeChallenge(ctx, s.scope(), pending(name))
		if errors.Is(err, countersign.ErrNotFound) {
			return countersign.NoMatch("not prepared, expired, used or tried too often")
		}
		if err != nil {
			return fmt.Errorf("login: take challenge: %w", err)
		}
		e.Asked, c.Spend = taken.Keep, &taken
	}
	made, err := m.Enroll(ctx, e.Subject, e)
	if err != nil {
		return fmt.Errorf("login: enroll %s: %w", name, err)
	}
	// Whose it is, and when it was made, is not left to the method.
	made.ID, made.Identity, made.Method, made.Version = countersign.CredentialID(ids.New("crd", p.Now())), s.attempt.Identity, name, 0
	made.CreatedAt = p.Now()
	a := &s.attempt
	// One of each method: choosing again replaces what was chosen before.
	a.Enrolled = append(slices.DeleteFunc(a.Enrolled, func(c countersign.Credential) bool { return c.Method == name }), made)
	// What answered a challenge while it was set up has shown that it works, and what a
	// role demands is shown by setting it up. What a recovery chooses anew shows nothing.
	if len(a.Proofs) > 0 && (prepared || !slices.Contains(s.policy.Enroll, name)) {
		a.Proofs = append(a.Proofs, countersign.Proof{Identity: a.Identity, Credential: made.ID, Method: name,
			Factor: shown(m, made), Bound: slices.Contains(s.policy.Strong, name), At: p.Now()})
	}
	return nil
}

// newcomer is the subject of what is being set up. A sign-up has an identity made
// up for it, also where the address is taken, so that nothing tells which it is.
func (s *answer) newcomer() countersign.Subject {
	who := s.subject
	if s.attempt.Purpose == countersign.SignUp {
		who.Identity = s.attempt.Identity
	}
	return who
}

// shown is the factors that setting a credential up has shown: one, unless its method says more.
func shown(m countersign.Method, made countersign.Credential) countersign.Factor {
	if s, ok := m.(interface {
		Shown(countersign.Credential) countersign.Factor
	}); ok {
		return s.Shown(made)
	}
	if f := countersign.FactorOf(m); f.Count() == 1 {
		return f
	}
	return countersign.Has
}

// carried is what a session was opened with, as proofs for its step-up. At the
// first level its methods have shown one factor, whatever else they can show.
func (p *Process) carried(session countersign.Session) (all []countersign.Proof) {
	for _, name := range session.Methods {
		m := p.Methods[name]
		if m == nil {
			continue // an older server's, or one that is no longer offered
		}
		f := countersign.FactorOf(m)
		if session.Assurance < countersign.AAL2 && f.Count() > 1 {
			f &= countersign.Has
		}
		all = append(all, countersign.Proof{Identity: session.Identity, Method: name, Factor: f, At: session.LastProvedAt})
	}
	return all
}
