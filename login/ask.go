package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
)

// Ask lets a method speak first: it sends a code, or returns what to sign.
func (p *Process) Ask(ctx context.Context, by countersign.Caller, id countersign.AttemptID, method string) (Result, error) {
	s, err := p.open(ctx, by, id)
	if err != nil {
		return Result{}, err
	}
	m, ok := p.Methods[method].(countersign.Challenger)
	if !ok || !slices.Contains(s.policy.Offer, method) {
		return Result{}, countersign.Invalid("method", "not_offered", "This method is not offered here, or needs no challenge.")
	}
	if s.attempt.Asked == method {
		s.attempt.Asked = "" // it went out when the attempt began; this asks for that one
		return p.keep(ctx, s, &countersign.Change{}, "challenge.claimed")
	}
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if err := p.countSend(ctx, s); err != nil {
		return Result{}, err
	}
	c := &countersign.Change{}
	show, err := p.challenge(ctx, s, m, c)
	if err != nil {
		return Result{}, err
	}
	r, err := p.keep(ctx, s, c, "challenge.sent")
	r.Challenge = show
	return r, err
}

// challenge makes the method's challenge and the message that carries it. For a
// stranger it does the same work; the message then goes nowhere.
func (p *Process) challenge(ctx context.Context, s *answer, m countersign.Challenger, c *countersign.Change) ([]byte, error) {
	subject := s.subject
	subject.Address = s.mailTo()
	made, err := m.Challenge(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("login: challenge %s: %w", m.Name(), err)
	}
	made.Scope = s.scope()
	c.Challenge = &made
	if made.Secrets.Code == "" {
		return made.Show, nil
	}
	msg := p.message(s, subject.Address, letter(s.attempt.Purpose), map[string]string{
		"code": made.Secrets.Code, "link": linkTo(made.Secrets.Token), "expires": expiry(made.Expires), "purpose": mailed(s.attempt.Purpose),
	})
	// A message all the same: one that is written but never sent costs the same row.
	if subject.Identity == "" || s.attempt.Decoy || s.silent {
		msg.Channel = "none"
	}
	c.Send = append(c.Send, msg)
	return made.Show, nil
}

// countSend draws on the budgets of what was typed. When that is a username, the
// address behind it has its own; once that is used up nothing more is sent, but
// the answer stays the same, for it must not tell whose address it is. A username
// that nobody has, or without an address, draws as often, so that it takes as long.
func (p *Process) countSend(ctx context.Context, s *answer) error {
	if err := p.count(ctx, p.Limits.Send(s.by, s.attempt.Identifier)); err != nil {
		return err
	}
	if kind, _, _ := address.Parse(s.attempt.Identifier); kind == address.EmailKind {
		return nil
	}
	to, behind := s.mailTo(), p.Limits
	behind.SendPerNetwork = nil // the network has been counted
	if s.subject.Identity == "" || to == "" {
		s.silent, to = true, "nobody's "+s.attempt.Identifier
	}
	err := p.count(ctx, behind.Send(s.by, to))
	if errors.Is(err, countersign.ErrSlowDown) {
		s.silent = true
		return nil
	}
	return err
}

func letter(p countersign.Purpose) string {
	if p == countersign.Recover {
		return "recover"
	}
	return "verify_code"
}

// mailed is the purpose as the letter tells it: an address that is verified was added to an account.
func mailed(p countersign.Purpose) string {
	if p == countersign.VerifyOwn {
		return "add"
	}
	return string(p)
}

func linkTo(token string) string { return "/verify?" + url.Values{"token": {token}}.Encode() }

// first is the method that sends the code when an attempt begins.
func (p *Process) first(s *answer) (countersign.Challenger, error) {
	for _, name := range s.policy.Offer {
		if m, ok := p.Methods[name].(countersign.Challenger); ok {
			return m, nil
		}
	}
	return nil, fmt.Errorf("login: no method of purpose %s can ask", s.attempt.Purpose)
}

// startAsked stores an attempt whose challenge goes out with it.
func (p *Process) startAsked(ctx context.Context, s *answer, c *countersign.Change) (Result, error) {
	m, err := p.first(s)
	if err != nil {
		return Result{}, err
	}
	show, err := p.challenge(ctx, s, m, c)
	if err != nil {
		return Result{}, err
	}
	s.attempt.Asked = m.Name()
	r, err := p.keep(ctx, s, c, "attempt.started")
	r.Challenge = show
	return r, err
}

// startSignUp begins an account. The owner of a taken address is told so by
// mail; whoever asked is not.
func (p *Process) startSignUp(ctx context.Context, s *answer) (Result, error) {
	if p.SignUpClosed {
		return Result{}, &countersign.Error{Code: countersign.ErrForbidden.Code, Detail: "New accounts are made by an administrator here."}
	}
	_, domain, _ := strings.Cut(s.attempt.Identifier, "@")
	if len(p.SignUpDomains) > 0 && !slices.Contains(p.SignUpDomains, domain) {
		return Result{}, countersign.Invalid("identifier", "domain_not_allowed", "Accounts here are for addresses of "+strings.Join(p.SignUpDomains, ", ")+".")
	}
	if err := p.count(ctx, append(p.Limits.SignUp(s.by), p.Limits.Send(s.by, s.attempt.Identifier)...)); err != nil {
		return Result{}, err
	}
	// The id is made now, so that a code and a credential can belong to it before it exists.
	s.attempt.Identity = countersign.IdentityID(ids.New("idn", p.Now()))
	s.subject = countersign.Subject{Identity: s.attempt.Identity, Address: s.attempt.Identifier, Names: []string{s.attempt.Name, s.attempt.Identifier}}
	// The secret is judged and hashed before anyone looks whether the address is
	// taken, so that neither the answer nor its time depends on it.
	if len(s.raw) > 0 {
		name, err := methodOf(s.raw)
		if err != nil {
			return Result{}, err
		}
		if err := p.prepare(ctx, s, name); err != nil {
			return Result{}, inside(err)
		}
	}
	owner, _, err := p.Store.FindSubject(ctx, address.EmailKind, s.attempt.Identifier)
	if errors.Is(err, countersign.ErrNotFound) {
		return p.startAsked(ctx, s, &countersign.Change{})
	}
	if err != nil {
		return Result{}, fmt.Errorf("login: sign-up: %w", err)
	}
	s.attempt.Decoy = true
	r, err := p.startTaken(ctx, s, owner)
	return r, err
}

// startTaken looks like any sign-up. Its challenge matches nothing, and its letter holds no code.
func (p *Process) startTaken(ctx context.Context, s *answer, owner countersign.Identity) (Result, error) {
	m, err := p.first(s)
	if err != nil {
		return Result{}, err
	}
	c := &countersign.Change{}
	s.subject.Identity = "" // a stranger's challenge matches nothing
	show, err := p.challenge(ctx, s, m, c)
	if err != nil {
		return Result{}, err
	}
	s.attempt.Enrolled = nil
	s.attempt.Asked = m.Name()
	told := &answer{by: s.by, attempt: s.attempt, identity: owner}
	c.Send = []countersign.Message{p.message(told, s.attempt.Identifier, "sign_up_taken", nil)}
	r, err := p.keep(ctx, s, c, "attempt.started")
	r.Challenge = show
	return r, err
}

// startRecover sends a code to whoever has the identifier.
func (p *Process) startRecover(ctx context.Context, s *answer) (Result, error) {
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if err := p.countSend(ctx, s); err != nil {
		return Result{}, err
	}
	// For good: an account that is made meanwhile must not complete a recovery begun before it.
	if s.subject.Identity == "" {
		s.attempt.Decoy = true
	}
	return p.startAsked(ctx, s, &countersign.Change{})
}

// startVerify sends a code to an address of the caller's own that is not verified yet.
func (p *Process) startVerify(ctx context.Context, s *answer) (Result, error) {
	if err := p.count(ctx, p.Limits.Send(s.by, s.attempt.Identifier)); err != nil {
		return Result{}, err
	}
	// Somebody else's address, or none of theirs, gets a decoy: the answer must not tell which it is.
	own := slices.ContainsFunc(s.by.Identity.Emails, func(e countersign.Email) bool {
		return e.Address == s.attempt.Identifier && !e.Verified
	})
	if s.attempt.Decoy = !own; own {
		s.attempt.Identity = s.by.Identity.ID
	}
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	return p.startAsked(ctx, s, &countersign.Change{})
}
