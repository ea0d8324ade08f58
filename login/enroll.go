package login

import (
	"context"
	"fmt"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// mayEnroll says whether the attempt may set up a credential now. A recovery
// must be proved first: else whoever began it would choose the password and the
// owner, by proving, would set it. A sign-up is about nobody yet, so it may at any time.
func (p *Process) mayEnroll(s *answer) bool {
	more, ok := s.policy.Judge(s.attempt, p.Now()).(countersign.More)
	return ok && (more.Enroll || s.attempt.Purpose == countersign.SignUp)
}

// enroll sets up a credential in the attempt; it counts only when the attempt is enough.
func (p *Process) enroll(ctx context.Context, s *answer, name string) (Result, error) {
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if err := p.prepare(ctx, s, name); err != nil {
		return Result{}, err
	}
	e := p.event(s, "credential.prepared", name)
	return p.settle(ctx, s, &countersign.Change{Events: []countersign.Event{e}})
}

// prepare lets the method make a credential and keeps it with the attempt.
func (p *Process) prepare(ctx context.Context, s *answer, name string) error {
	m, ok := p.Methods[name].(countersign.Enroller)
	if !ok || !slices.Contains(s.policy.Enroll, name) {
		return countersign.Invalid("evidence.method", "not_offered", "This method cannot be set up here.")
	}
	leave, err := countersign.Admit(ctx, m)
	if err != nil {
		return fmt.Errorf("login: admit %s: %w", name, err)
	}
	defer leave()
	made, err := m.Enroll(ctx, s.subject, countersign.Evidence{Method: name, Subject: s.subject, Answer: s.raw, From: s.by.From})
	if err != nil {
		return fmt.Errorf("login: enroll %s: %w", name, err)
	}
	// Whose it is, and when it was made, is not left to the method.
	made.ID, made.Identity, made.Method = countersign.CredentialID(ids.New("crd", p.Now())), s.attempt.Identity, name
	made.CreatedAt = p.Now()
	// One of each method: choosing again replaces what was chosen before.
	s.attempt.Enrolled = append(slices.DeleteFunc(s.attempt.Enrolled, func(c countersign.Credential) bool { return c.Method == name }), made)
	return nil
}
