package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
)

// finish completes an attempt that is enough: one transaction spends it, opens
// the pass, and writes what the purpose changes and the record of it all.
func (p *Process) finish(ctx context.Context, s *answer, c *countersign.Change, e countersign.Enough) (Result, error) {
	s.attempt.State = countersign.Complete
	c.Attempt = &s.attempt
	var token string
	var err error
	switch s.attempt.Purpose {
	case countersign.SignIn, countersign.StepUp:
		p.endSignIn(s, c)
	case countersign.SignUp:
		p.endSignUp(s, c)
	case countersign.Recover:
		err = p.endRecover(ctx, s, c)
	case countersign.VerifyOwn:
		err = p.endVerify(s, c)
	}
	if err != nil {
		return Result{}, err
	}
	// Proving an address opens nothing: whoever reads its mail need not be its owner.
	if s.attempt.Purpose != countersign.VerifyOwn {
		if token, err = p.pass(s, c, e); err != nil {
			return Result{}, err
		}
	}
	// Else a password that was changed since it was checked would open a session.
	if c.Still = &s.identity; c.Identity != nil {
		c.Still = nil // its own version says it
	}
	p.endWaiting(s, c)
	p.endLost(s, c)
	// Pending credentials are stored by now; the attempt need not keep them.
	s.attempt.Enrolled = nil
	for i := range c.Events {
		if c.Events[i].Actor == "" {
			c.Events[i].Actor = string(e.Identity()) // who proved did it
		}
	}
	// Of two that complete the same attempt the version lets one through; the other was too late.
	if err := p.Store.Apply(ctx, c); errors.Is(err, countersign.ErrTaken) {
		return Result{}, countersign.NoMatch("the address was taken meanwhile")
	} else if err != nil {
		return Result{}, lost(err)
	}
	r := p.view(s)
	r.Session, r.Secret, r.Proved = c.Session, token, e.Identity()
	return r, nil
}

// pass opens the session; a step-up replaces the one it came from.
func (p *Process) pass(s *answer, c *countersign.Change, e countersign.Enough) (string, error) {
	var session countersign.Session
	var token string
	var err error
	if s.attempt.Purpose == countersign.StepUp {
		session, token, err = p.Sessions.Raise(s.by.Session, e, s.by)
		c.End = append(c.End, countersign.End{Identity: e.Identity(), Session: s.attempt.Session, Live: true})
	} else {
		session, token, err = p.Sessions.Open(e, s.by)
	}
	if err != nil {
		return "", fmt.Errorf("login: pass: %w", err)
	}
	c.Session = &session
	opened := p.event(s, "session.opened", "")
	opened.Session, opened.Subject = session.ID, e.Identity()
	c.Events = append(c.Events, opened)
	return token, nil
}

// endSignIn stores what a sign-in had to set up.
func (p *Process) endSignIn(s *answer, c *countersign.Change) {
	for _, made := range s.attempt.Enrolled {
		c.Credentials = append(c.Credentials, made)
		c.Identity = &s.identity // a new version: whatever was proved of the old one opens nothing any more
		c.Events = append(c.Events, p.event(s, "credential.added", made.Method))
		c.Send = append(c.Send, p.letters(s, "factor_added", map[string]string{"method": made.Method})...)
	}
	if len(s.attempt.Enrolled) > 0 {
		c.Revoke = append(c.Revoke, countersign.Trusts(p.Methods, s.subject.Credentials)...)
	}
}

// endWaiting ends a reset that somebody began and its owner, who has shown a second step, does not need.
func (p *Process) endWaiting(s *answer, c *countersign.Change) {
	if p.Reset == nil || !slices.ContainsFunc(s.attempt.Proofs, func(pr countersign.Proof) bool {
		return pr.Factor.Count() > 1 || pr.Factor != 0 && (slices.Contains(s.policy.Second, pr.Method) || slices.Contains(s.policy.Spare, pr.Method))
	}) {
		return
	}
	if waiting, ok := s.subject.Credential(p.Reset.Name()); ok {
		c.Revoke = append(c.Revoke, waiting.ID)
		c.Events = append(c.Events, p.event(s, "factors.reset_cancelled", waiting.Method))
	}
}

// endLost takes away what a waiting reset was for.
func (p *Process) endLost(s *answer, c *countersign.Change) {
	for _, proof := range s.attempt.Proofs {
		if len(proof.Ends) == 0 {
			continue
		}
		c.Revoke = append(c.Revoke, proof.Ends...)
		i := s.identity
		if p.texts(s.policy.Second) { // a number that is lost is a step that is lost
			i.Phones = []countersign.Phone{}
		}
		c.Identity, c.Still = &i, nil
		c.End = append(c.End, countersign.End{Identity: s.identity.ID})
		c.Events = append(c.Events, p.event(s, "factors.reset", proof.Method))
		c.Send = append(c.Send, p.letters(s, "factor_reset_done", nil)...)
	}
}

// texts reports whether one of the methods sends text messages.
func (p *Process) texts(methods []string) bool {
	return slices.ContainsFunc(methods, func(name string) bool {
		m, ok := p.Methods[name].(countersign.Sender)
		return ok && m.Channel() == "sms"
	})
}

// endSignUp creates the identity. Its address is verified, for only a code sent there got this far.
func (p *Process) endSignUp(s *answer, c *countersign.Change) {
	a := s.attempt
	c.Identity = &countersign.Identity{
		ID: a.Identity, Kind: countersign.Person, State: countersign.Active, Name: a.Name, Locale: a.Locale,
		Emails: []countersign.Email{}, Phones: []countersign.Phone{}, Flags: []string{}, Roles: []string{}, Metadata: []byte("{}"), CreatedAt: p.Now(),
	}
	if kindOf(a.Identifier) == address.PhoneKind {
		c.Identity.Phones = append(c.Identity.Phones, countersign.Phone{Number: a.Identifier, Verified: true, Primary: true})
	} else {
		c.Identity.Emails = append(c.Identity.Emails, countersign.Email{Address: a.Identifier, Verified: true, Primary: true})
	}
	c.Credentials = append(c.Credentials, a.Enrolled...)
	created := p.event(s, "identity.created", "")
	created.Actor = string(a.Identity)
	c.Events = append(c.Events, created)
}

// endRecover puts the new credential in the place of the old, ends every
// session and tells every address of the identity.
func (p *Process) endRecover(ctx context.Context, s *answer, c *countersign.Change) error {
	if s.identity.ID == "" {
		if err := p.find(ctx, s); err != nil {
			return err
		}
	}
	if s.subject.Identity == "" {
		return countersign.NoMatch("disabled or gone meanwhile")
	}
	// Old ones go by method, not all: who forgot a password still has the passkey, and
	// who makes a new passkey the others.
	for _, made := range s.attempt.Enrolled {
		kept, several := p.Methods[made.Method].(countersign.Keeper)
		several = several && kept.Collection().Most > 1
		for _, old := range s.subject.Credentials {
			if !several && old.Method == made.Method && old.ID != made.ID {
				c.Revoke = append(c.Revoke, old.ID)
			}
		}
		c.Credentials = append(c.Credentials, made)
		changed := p.event(s, "credential.replaced", made.Method)
		c.Events = append(c.Events, changed)
	}
	c.Revoke = append(c.Revoke, countersign.Trusts(p.Methods, s.subject.Credentials)...)
	// Whoever made the recovery necessary may hold a session (ASVS 5.0 7.4).
	c.End = append(c.End, countersign.End{Identity: s.identity.ID})
	c.Identity = &s.identity // a new version: whatever was proved of the old one opens nothing any more
	c.Send = append(c.Send, p.letters(s, "recovered", nil)...)
	return nil
}

// endVerify marks the address as verified. It becomes the primary one when there is none.
func (p *Process) endVerify(s *answer, c *countersign.Change) error {
	i := s.identity
	if kindOf(s.attempt.Identifier) == address.PhoneKind {
		return p.endVerifyPhone(s, c)
	}
	i.Emails = slices.Clone(i.Emails)
	at := slices.IndexFunc(i.Emails, func(e countersign.Email) bool { return e.Address == s.attempt.Identifier })
	if at < 0 {
		return countersign.NoMatch("the address was removed meanwhile")
	}
	i.Emails[at].Verified = true
	// The address that mail goes to stays, and hears of the new one: a thief who adds
	// one is noticed.
	if old := i.Primary(); old != "" {
		c.Send = append(c.Send, p.message(s, old, "email_added", map[string]string{"address": s.attempt.Identifier}))
	} else {
		i.Emails[at].Primary = true
	}
	c.Identity = &i
	c.Events = append(c.Events, p.event(s, "email.verified", ""))
	return nil
}

// endVerifyPhone marks the number as verified, and tells every address.
func (p *Process) endVerifyPhone(s *answer, c *countersign.Change) error {
	i := s.identity
	i.Phones = slices.Clone(i.Phones)
	at := slices.IndexFunc(i.Phones, func(n countersign.Phone) bool { return n.Number == s.attempt.Identifier })
	if at < 0 {
		return countersign.NoMatch("the number was removed meanwhile")
	}
	i.Phones[at].Verified = true
	if !slices.ContainsFunc(i.Phones, func(n countersign.Phone) bool { return n.Primary }) {
		i.Phones[at].Primary = true
	}
	c.Identity = &i
	c.Events = append(c.Events, p.event(s, "phone.verified", ""))
	c.Send = append(c.Send, p.letters(s, "phone_added", map[string]string{"address": s.attempt.Identifier})...)
	return nil
}

// expiry is how a message writes when a code ends.
func expiry(t time.Time) string { return t.UTC().Format(time.RFC3339) }
