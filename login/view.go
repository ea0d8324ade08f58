package login

import (
	"context"
	"fmt"

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
		Assurance: Levels{a.Reached(), s.policy.Required()}, Issue: a.Issue, Identifier: a.Identifier,
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
	if more, ok := s.policy.Judge(a, now).(countersign.More); ok {
		for _, name := range more.Methods {
			o := Offer{Method: name, Enroll: more.Enroll}
			if _, asks := p.Methods[name].(countersign.Challenger); asks && !more.Enroll {
				// What was typed, masked: the address behind a username would tell whose it is.
				o.To = address.Mask(a.Identifier)
			}
			r.Methods = append(r.Methods, o)
		}
	}
	return r
}

// keep stores the attempt with an event and whatever else the step changes, and shows it.
func (p *Process) keep(ctx context.Context, s *answer, c *countersign.Change, action string) (Result, error) {
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
