package login

import (
	"cmp"
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

// Ask lets a method speak first: it sends a code, or returns what to sign or to set up.
func (p *Process) Ask(ctx context.Context, by countersign.Caller, id countersign.AttemptID, method string) (Result, error) {
	s, err := p.open(ctx, by, id)
	if err != nil {
		return Result{}, err
	}
	s.method = p.Methods[method]
	m, asks := s.method.(countersign.Challenger)
	setup, prepares := s.method.(countersign.Preparer)
	enrolls := prepares && p.mayEnroll(s, method)
	if !enrolls && (!asks || !s.policy.May(s.attempt, method) || !p.fits(s.attempt, m)) {
		return Result{}, countersign.Invalid("method", "not_offered", "This method is not offered here, or needs no challenge.")
	}
	if s.attempt.Asked == method && !enrolls {
		s.attempt.Asked = "" // it went out when the attempt began; this asks for that one
		return p.keep(ctx, s, &countersign.Change{}, "challenge.claimed")
	}
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if enrolls != (prepares && p.mayEnroll(s, method)) || !enrolls && !s.policy.May(s.attempt, method) {
		return Result{}, p.again(ctx, s, method)
	}
	if enrolls {
		return p.prepare(ctx, s, setup)
	}
	if err := p.countAsk(ctx, s); err != nil {
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
	s.method = m
	subject := s.subject
	subject.Address = s.reach()
	made, err := m.Challenge(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("login: challenge %s: %w", m.Name(), err)
	}
	made.Scope, made.Method = s.scope(), m.Name()
	c.Challenge = &made
	sender, sends := m.(countersign.Sender)
	if !sends {
		return made.Show, nil
	}
	s.attempt.Sent = m.Name()
	msg := p.message(s, subject.Address, cmp.Or(made.Letter, letter(s.attempt.Purpose)), map[string]string{
		"code": made.Secrets.Code, "link": linkTo(made), "expires": expiry(made.Expires), "purpose": mailed(s.attempt.Purpose),
	})
	msg.Channel = sender.Channel()
	// A message all the same: one that is written but never sent costs the same row.
	if subject.Identity == "" || subject.Address == "" || s.attempt.Decoy || s.silent {
		msg.Channel = "none"
	}
	c.Send = append(c.Send, msg)
	return made.Show, nil
}

// countAsk draws on the budgets of what was typed. When that is a username, the
// address behind it has its own; once that is used up nothing more is sent, but
// the answer stays the same, for it must not tell whose address it is. A username
// that nobody has, or without an address, draws as often, so that it takes as long.
func (p *Process) countAsk(ctx context.Context, s *answer) error {
	sender, sends := s.method.(countersign.Sender)
	if !sends {
		return p.count(ctx, p.Limits.Start(s.by))
	}
	to, limits := s.reach(), p.Limits
	kind, _, _ := address.Parse(s.attempt.Identifier)
	typed := channelOf(kind) == sender.Channel() || s.attempt.Purpose == countersign.VerifyOwn
	// Who has proved something may know how often their own address was written to.
	if !typed && !s.subject.Proved {
		if err := p.count(ctx, limits.Send(s.by, s.attempt.Identifier)); err != nil {
			return err
		}
		limits.SendPerNetwork = nil // the network has been counted
		if s.subject.Identity == "" || to == "" {
			s.silent, to = true, "nobody's "+s.attempt.Identifier
		}
	}
	budgets := limits.Send(s.by, to)
	if sender.Channel() == "sms" {
		budgets = append(budgets, limits.SMS(s.by, to)...)
		if s.silent = s.silent || !limits.SMSAllowed(to); s.silent && typed {
			return countersign.Invalid("identifier", "country_not_served", "No messages are sent to numbers of this country.")
		}
	}
	err := p.count(ctx, budgets)
	if errors.Is(err, countersign.ErrSlowDown) && !typed && !s.subject.Proved {
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

func linkTo(c countersign.Challenge) string {
	if c.Secrets.Token == "" {
		return ""
	}
	return cmp.Or(c.Page, "/verify") + "?" + url.Values{"token": {c.Secrets.Token}}.Encode()
}

// first is the method that sends the code when an attempt begins: one that reaches
// what was typed, or the first that sends at all.
func (p *Process) first(s *answer) (countersign.Sender, error) {
	kind, _, _ := address.Parse(s.attempt.Identifier)
	var any countersign.Sender
	for _, name := range s.policy.Offer {
		m, ok := p.Methods[name].(countersign.Sender)
		switch {
		case !ok:
		case m.Channel() == channelOf(kind):
			return m, nil
		case any == nil && channelOf(kind) == "":
			any = m
		}
	}
	if any == nil {
		return nil, countersign.Invalid("identifier", "unreachable", "Nothing can be sent there. Give an e-mail address.")
	}
	return any, nil
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
	first, err := p.first(s)
	if err != nil {
		return Result{}, err
	}
	s.method = first
	kind, _, _ := address.Parse(s.attempt.Identifier)
	_, domain, _ := strings.Cut(s.attempt.Identifier, "@")
	if len(p.SignUpDomains) > 0 && !slices.Contains(p.SignUpDomains, domain) {
		return Result{}, countersign.Invalid("identifier", "domain_not_allowed", "Accounts here are for addresses of "+strings.Join(p.SignUpDomains, ", ")+".")
	}
	if err := p.count(ctx, p.Limits.SignUp(s.by)); err != nil {
		return Result{}, err
	}
	if err := p.countAsk(ctx, s); err != nil {
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
		if name == first.Name() {
			s.attempt.Bare = p.opens(first) // the address alone is to be the way in
		} else if !slices.Contains(s.policy.Enroll, name) {
			return Result{}, countersign.Invalid("evidence.method", "not_offered", "This method cannot be set up here.")
		} else if err := p.set(ctx, s, name, &countersign.Change{}); err != nil {
			return Result{}, inside(err)
		}
	}
	owner, _, err := p.Store.FindSubject(ctx, kind, s.attempt.Identifier)
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
	msg := p.message(told, s.attempt.Identifier, "sign_up_taken", nil)
	if msg.Channel = m.Channel(); msg.Channel != "email" {
		msg.Channel = "none" // a text message costs money, and this one tells its reader little
	}
	c.Send = []countersign.Message{msg}
	r, err := p.keep(ctx, s, c, "attempt.started")
	r.Challenge = show
	return r, err
}

// startRecover sends a code to whoever has the identifier.
func (p *Process) startRecover(ctx context.Context, s *answer) (Result, error) {
	m, err := p.first(s)
	if err != nil {
		return Result{}, err
	}
	s.method = m
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if err := p.countAsk(ctx, s); err != nil {
		return Result{}, err
	}
	// For good: an account that is made meanwhile must not complete a recovery begun before it.
	if s.subject.Identity == "" {
		s.attempt.Decoy = true
	}
	return p.startAsked(ctx, s, &countersign.Change{})
}

// opens reports whether a method may be the only way in, so that an account needs no other.
func (p *Process) opens(m countersign.Method) bool {
	return slices.Contains(p.Policies[countersign.SignIn].Offer, m.Name())
}

// startVerify sends a code to an address or number of the caller's own that is not verified yet.
func (p *Process) startVerify(ctx context.Context, s *answer) (Result, error) {
	m, err := p.first(s)
	if err != nil {
		return Result{}, err
	}
	s.method = m
	if err := p.countAsk(ctx, s); err != nil {
		return Result{}, err
	}
	// Somebody else's address, or none of theirs, gets a decoy: the answer must not tell which it is.
	own := slices.ContainsFunc(s.by.Identity.Emails, func(e countersign.Email) bool {
		return e.Address == s.attempt.Identifier && !e.Verified
	}) || slices.ContainsFunc(s.by.Identity.Phones, func(n countersign.Phone) bool {
		return n.Number == s.attempt.Identifier && !n.Verified
	})
	if s.attempt.Decoy = !own; own {
		s.attempt.Identity = s.by.Identity.ID
	}
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	return p.startAsked(ctx, s, &countersign.Change{})
}
