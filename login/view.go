package login

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
)

// view is what callers learn of an attempt. It is made from what was typed and
// from the policy, never from what is stored of an identity that has not been proved.
func (p *Process) view(s *answer) Result {
	a := s.attempt
	r := Result{
		ID: a.ID, Purpose: a.Purpose, State: a.State, Methods: []Offer{}, ExpiresAt: a.Expires, ReturnTo: a.ReturnTo,
		Assurance: Levels{s.policy.Reached(a, p.Now()), s.policy.Required(a)}, Issue: a.Issue, Identifier: a.Identifier,
	}
	if r.Issue == "" {
		r.Issue = "cookie"
	}
	if a.State != countersign.NeedsEvidence {
		return r
	}
	now := p.Now()
	if !now.Before(a.Expires) {
		r.State = countersign.Expired
		return r
	}
	more, ok := s.policy.Judge(a, now).(countersign.More)
	if !ok {
		return r
	}
	for _, name := range more.Methods {
		m := p.Methods[name]
		if m == nil || !p.fits(a, m) || p.Remember != nil && name == p.Remember.Name() {
			continue
		}
		o := Offer{Method: name, Enroll: more.Enroll, Sent: a.Sent == name}
		if sender, sends := m.(countersign.Sender); sends && !more.Enroll {
			// What was typed, masked: the address behind a username would tell whose it is.
			o.To = address.Mask(a.Identifier)
			if to := a.Masked[sender.Channel()]; to != "" && channelOf(kindOf(a.Identifier)) != sender.Channel() {
				o.To = to
			}
		}
		if p.Reset != nil && name == p.Reset.Name() && !a.Ready.IsZero() {
			o.NotBefore = &a.Ready
		}
		r.Methods = append(r.Methods, o)
	}
	r.Lost = p.Reset != nil && len(a.Proofs) > 0 && !more.Enroll && slices.Contains(s.policy.Spare, p.Reset.Name()) && !slices.Contains(a.Can, p.Reset.Name())
	return r
}

// fits reports whether a method can be of use with what was typed. Without a name
// only what says whose it is can prove; and of who has proved nothing yet, nothing
// is sent to another place than the one they named.
func (p *Process) fits(a countersign.Attempt, m countersign.Method) bool {
	if a.Identifier == "" && a.Identity == "" {
		_, names := m.(countersign.Namer)
		return names
	}
	sender, sends := m.(countersign.Sender)
	typed := channelOf(kindOf(a.Identifier))
	return !sends || typed == "" || typed == sender.Channel() || len(a.Proofs)+len(a.Before) > 0
}

func kindOf(identifier string) string {
	kind, _, _ := address.Parse(identifier)
	return kind
}

// keep stores the attempt with an event and whatever else the step changes, and shows it.
func (p *Process) keep(ctx context.Context, s *answer, c *countersign.Change, action string) (Result, error) {
	p.tell(s)
	c.Attempt = &s.attempt
	c.Events = append(c.Events, p.event(s, action, ""))
	if err := p.Store.Apply(ctx, c); err != nil {
		return Result{}, fmt.Errorf("login: %s: %w", action, err)
	}
	return p.view(s), nil
}

// event describes a step for the audit log. The identifier is left out: it may
// be a stranger's address, or a password typed into the wrong field.
func (p *Process) event(s *answer, action, method string) countersign.Event {
	now := p.Now()
	actor := string(s.by.Identity.ID)
	if actor == "" {
		actor = s.by.System
	}
	return countersign.Event{
		ID: ids.New("evt", now), At: now, Action: action, Outcome: "ok", Actor: actor, Subject: s.attempt.Identity,
		Session: s.by.Session.ID, Attempt: s.attempt.ID, Method: method, Network: s.by.Device.Network,
		Device: s.by.Device.Name, Request: s.by.Request, Detail: map[string]string{"purpose": string(s.attempt.Purpose)},
	}
}

// message is a letter about this attempt.
func (p *Process) message(s *answer, to, template string, data map[string]string) countersign.Message {
	now := p.Now()
	if data == nil {
		data = map[string]string{}
	}
	data["device"], data["network"], data["place"] = s.by.Device.Name, s.by.Device.Network, s.by.Device.Place
	data["at"] = now.UTC().Format("2006-01-02T15:04:05Z07:00")
	// The reader's own language first: whoever asked may be somebody else.
	locale := s.identity.Locale
	if locale == "" {
		locale = s.attempt.Locale
	}
	return countersign.Message{
		ID: ids.New("msg", now), Channel: "email", To: to, Template: template, Locale: locale, Data: data, CreatedAt: now,
	}
}

// letters are one message to each verified address of the identity, or to each
// number of one that has no address.
func (p *Process) letters(s *answer, template string, data map[string]string) (all []countersign.Message) {
	for _, to := range s.identity.Reaches() {
		m := p.message(s, to.Address, template, maps.Clone(data))
		m.Channel = to.Channel
		all = append(all, m)
	}
	return all
}
