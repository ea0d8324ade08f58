package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/secret"
)

// Link tells what a mailed link is for. It spends nothing, so mail scanners may
// open it. A link that was used, replaced or has expired is ErrExpired.
func (p *Process) Link(ctx context.Context, token string) (Link, error) {
	asked, err := p.linked(ctx, token)
	if err != nil {
		return Link{}, err
	}
	l := Link{Purpose: countersign.VerifyOwn, Address: asked.Subject.Address}
	if id := countersign.AttemptID(asked.Scope); ids.Is("att", asked.Scope) {
		a, err := p.Store.FindAttempt(ctx, id)
		if err != nil || a.State != countersign.NeedsEvidence || !p.Now().Before(a.Expires) {
			return Link{}, expired(err)
		}
		l.Purpose, l.Attempt, l.Device, l.AskedAt = a.Purpose, a.ID, a.Device, a.CreatedAt
	}
	return l, nil
}

func (p *Process) linked(ctx context.Context, token string) (countersign.Challenge, error) {
	hash, ok := secret.Hash(secret.Link, token)
	if !ok {
		return countersign.Challenge{}, countersign.ErrExpired
	}
	asked, err := p.Challenges.FindChallenge(ctx, hash[:])
	if err != nil {
		return asked, expired(err)
	}
	return asked, nil
}

// expired is what a link that is no longer good says, unless the database could not be asked.
func expired(err error) error {
	if err == nil || errors.Is(err, countersign.ErrNotFound) {
		return countersign.ErrExpired
	}
	return fmt.Errorf("login: link: %w", err)
}

// Follow spends a mailed link. In the browser that holds the attempt it is as
// if the code had been typed. Another browser takes the attempt over: it goes on
// under a new id, without anything the first one prepared, so that neither can
// use what the other did.
func (p *Process) Follow(ctx context.Context, by countersign.Caller, token string, mine countersign.AttemptID) (Result, error) {
	asked, err := p.linked(ctx, token)
	if errors.Is(err, countersign.ErrExpired) {
		return Result{}, p.late(ctx, &answer{by: by}, "", "a link that is spent, replaced, expired or none")
	}
	if err != nil {
		return Result{}, err
	}
	raw, err := json.Marshal(map[string]string{"method": asked.Method, "token": token})
	if err != nil {
		return Result{}, fmt.Errorf("login: follow: %w", err)
	}
	if !ids.Is("att", asked.Scope) {
		return p.followOwn(ctx, by, asked, raw)
	}
	id := countersign.AttemptID(asked.Scope)
	if id == mine {
		r, err := p.Answer(ctx, by, id, raw)
		return r, tooLate(err)
	}
	s, err := p.open(ctx, by, id)
	if err != nil {
		return Result{}, expired(err)
	}
	s.raw = raw
	r, err := p.takeOver(ctx, s, asked.Method)
	return r, tooLate(err)
}

// takeOver proves by the link in another browser than the one that asked.
func (p *Process) takeOver(ctx context.Context, s *answer, name string) (Result, error) {
	s.method = p.Methods[name]
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	c := &countersign.Change{Replaces: s.attempt.ID}
	proof, err := p.check(ctx, s, p.Methods[name], c)
	if err != nil {
		return Result{}, p.refuse(ctx, s, name, err)
	}
	// Whoever began knows the old id, so it must lead nowhere; what they chose, a
	// password or where to go afterwards, must not become the owner's.
	a := &s.attempt
	a.ID, a.Version = countersign.AttemptID(ids.New("att", p.Now())), 0
	a.Enrolled, a.Asked, a.Issue, a.ReturnTo, a.Device = nil, "", "", "", s.by.Device
	a.Proofs, a.Of = nil, 0
	p.accept(s, c, proof)
	p.remembered(ctx, s)
	e := p.event(s, "proof.given", name)
	e.Detail["in"] = "another browser"
	c.Events = []countersign.Event{e}
	return p.settle(ctx, s, c)
}

// followOwn proves an address that was added to an account, in a browser that is
// signed in to that account. Else somebody could add the address of another person
// to an account of their own, and that person's click in a letter would give it away.
func (p *Process) followOwn(ctx context.Context, by countersign.Caller, asked countersign.Challenge, raw json.RawMessage) (Result, error) {
	id, _, ok := strings.Cut(asked.Scope, "/")
	if !ok {
		return Result{}, countersign.ErrExpired
	}
	if by.Identity.ID != countersign.IdentityID(id) {
		return Result{}, &countersign.Error{Code: countersign.ErrForbidden.Code, Detail: "Sign in to the account that this address was added to, and open the link again or type the code there."}
	}
	r, err := p.Verify(ctx, by, countersign.IdentityID(id), asked.Subject.Address, raw)
	return r, tooLate(err)
}

// Verify proves an address of an account by the code or the link that was sent there.
func (p *Process) Verify(ctx context.Context, by countersign.Caller, id countersign.IdentityID, address string, evidence json.RawMessage) (Result, error) {
	now := p.Now()
	s := &answer{by: by, policy: p.Policies[countersign.VerifyOwn], raw: evidence, attempt: countersign.Attempt{
		ID: countersign.AttemptID(ids.New("att", now)), Purpose: countersign.VerifyOwn, State: countersign.NeedsEvidence,
		Identity: id, Identifier: address, Device: by.Device, CreatedAt: now, Expires: now.Add(p.Life),
	}}
	return p.prove(ctx, s)
}

// tooLate says "expired" where typing would say "wrong": a link has no spelling.
func tooLate(err error) error {
	if errors.Is(err, countersign.ErrNoMatch) {
		return countersign.ErrExpired
	}
	return err
}

// SendCode sends a code to an address of the caller's own account.
func (p *Process) SendCode(ctx context.Context, by countersign.Caller, address string) error {
	_, err := p.Start(ctx, by, Start{Purpose: countersign.VerifyOwn, Identifier: address})
	return err
}

// VerifyCode proves an address of the caller's own account by the code that was sent there.
func (p *Process) VerifyCode(ctx context.Context, by countersign.Caller, address, code string) error {
	m, err := p.first(&answer{policy: p.Policies[countersign.VerifyOwn], attempt: countersign.Attempt{Identifier: address}})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]string{"method": m.Name(), "code": code})
	if err != nil {
		return fmt.Errorf("login: verify: %w", err)
	}
	_, err = p.Verify(ctx, by, by.Identity.ID, address, raw)
	return err
}
