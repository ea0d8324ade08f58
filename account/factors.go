package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/profile"
)

// Challenges are spent once: taking one costs a try, whatever the answer.
type Challenges interface {
	TakeChallenge(ctx context.Context, scope, method string) (countersign.Challenge, error)
}

// Factor is a credential as its owner sees it.
type Factor struct {
	ID        countersign.CredentialID `json:"id"`
	Method    string                   `json:"method"`
	Name      string                   `json:"name"`
	CreatedAt time.Time                `json:"created_at"`
	UsedAt    *time.Time               `json:"last_used_at"`
	Detail    map[string]any           `json:"detail"`
}

// Kept is what one method keeps for an identity.
type Kept struct {
	Method string   `json:"method"`
	Path   string   `json:"path"`
	Items  []Factor `json:"items"`
}

// Security is how an identity can prove itself, so that its owner sees how they
// would get back in.
type Security struct {
	First  []string `json:"first" doc:"Methods that open a sign-in"`
	Second []string `json:"second" doc:"Methods that complete it; with any, one is asked for"`
	Spare  []string `json:"spare" doc:"Methods that stand in for a lost one"`
	Kept   []Kept   `json:"kept"`
}

// Collections lists the methods whose credentials their owner keeps, by their paths.
func (p *Process) Collections() map[string]countersign.Keeper {
	all := map[string]countersign.Keeper{}
	for _, m := range p.Methods {
		if k, ok := m.(countersign.Keeper); ok {
			all[k.Collection().Path] = k
		}
	}
	return all
}

// Security gathers it for the caller.
func (p *Process) Security(ctx context.Context, by countersign.Caller) (Security, error) {
	i, have, err := p.own(ctx, by)
	if err != nil {
		return Security{}, err
	}
	can := countersign.Usable(p.Methods, slices.Sorted(maps.Keys(p.Methods)), i, have)
	out := Security{First: both(p.Policy.Offer, can), Second: both(p.Policy.Second, can), Spare: both(p.Policy.Spare, can), Kept: []Kept{}}
	all := p.Collections()
	for _, path := range slices.Sorted(maps.Keys(all)) {
		out.Kept = append(out.Kept, Kept{all[path].Name(), path, factors(all[path], have)})
	}
	return out, nil
}

// both is what two lists have in common, in the order of the first.
func both(order, have []string) []string {
	out := []string{}
	for _, m := range order {
		if slices.Contains(have, m) {
			out = append(out, m)
		}
	}
	return out
}

func factors(m countersign.Keeper, have []countersign.Credential) []Factor {
	out := []Factor{}
	for _, c := range have {
		if c.Method == m.Name() {
			out = append(out, factorOf(m, c))
		}
	}
	slices.SortFunc(out, func(a, b Factor) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func factorOf(m countersign.Keeper, c countersign.Credential) Factor {
	f := Factor{ID: c.ID, Method: c.Method, Name: c.Name, CreatedAt: c.CreatedAt, Detail: m.Detail(c)}
	if !c.UsedAt.IsZero() {
		f.UsedAt = &c.UsedAt
	}
	if f.Detail == nil {
		f.Detail = map[string]any{}
	}
	return f
}

// Factors lists the caller's credentials of one collection, the oldest first.
func (p *Process) Factors(ctx context.Context, by countersign.Caller, path string) ([]Factor, error) {
	m, ok := p.Collections()[path]
	if !ok {
		return nil, countersign.ErrNotFound
	}
	_, have, err := p.own(ctx, by)
	if err != nil {
		return nil, err
	}
	return factors(m, have), nil
}

// step is one enrolment on its way.
type step struct {
	m       countersign.Keeper
	i       countersign.Identity
	have    []countersign.Credential
	subject countersign.Subject
}

func (p *Process) step(ctx context.Context, by countersign.Caller, path string) (s step, err error) {
	m, ok := p.Collections()[path]
	if !ok {
		return s, countersign.ErrNotFound
	}
	i, have, err := p.fresh(ctx, by)
	if err != nil {
		return s, err
	}
	// What reaches the owner names the account on their device, as they would type it.
	address := cmp.Or(i.Reach("email"), i.Reach("sms"))
	if address == "" && i.Username != nil {
		address = *i.Username
	}
	return step{m, i, have, countersign.Subject{Identity: i.ID, Address: address, Proved: true, Names: i.Names(), Credentials: have}}, nil
}

// shown reports whether the session has shown a second step, if its identity has
// one. Who has just set up the first one has shown that by doing so: the other
// sessions ended with it.
func (p *Process) shown(by countersign.Caller, i countersign.Identity, have []countersign.Credential) bool {
	before := slices.DeleteFunc(slices.Clone(have), func(c countersign.Credential) bool { return !c.CreatedAt.Before(by.Session.LastProvedAt) })
	return len(countersign.Usable(p.Methods, p.Policy.Second, i, before)) == 0 || p.stepped(by)
}

// stepped reports whether the session was opened with more than one step.
func (p *Process) stepped(by countersign.Caller) bool {
	return by.Session.Assurance >= countersign.AAL2 || slices.ContainsFunc(by.Session.Methods, func(m string) bool {
		return countersign.FactorOf(p.Methods[m]) != 0 && (slices.Contains(p.Policy.Second, m) || slices.Contains(p.Policy.Spare, m) && !slices.Contains(p.Policy.Offer, m))
	})
}

// scope names what a session is setting up: one thing of a method at a time.
func scope(by countersign.Caller) string { return "enroll/" + string(by.Session.ID) }

// Prepare shows what setting up one more takes: a secret to copy or options to
// sign, with the id that it will have. A newer one ends the older.
func (p *Process) Prepare(ctx context.Context, by countersign.Caller, path string) (json.RawMessage, error) {
	s, err := p.step(ctx, by, path)
	if err != nil {
		return nil, err
	}
	return p.begin(ctx, by, s, "")
}

// begin shows it and keeps the name that was given for it.
func (p *Process) begin(ctx context.Context, by countersign.Caller, s step, name string) (json.RawMessage, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	if err := p.begun(ctx, by); err != nil {
		return nil, err
	}
	id, made, err := p.prepare(ctx, by, s)
	if err != nil {
		return nil, err
	}
	made.Subject.Address += "/" + name
	if err := p.change(ctx, by, s.i.ID, "challenge.sent", &countersign.Change{Challenge: &made}); err != nil {
		return nil, err
	}
	return with(made.Show, id)
}

// begun draws on what beginning anything costs.
func (p *Process) begun(ctx context.Context, by countersign.Caller) error {
	wait, err := p.Counter.Count(ctx, p.Limits.Start(by))
	if err != nil {
		return fmt.Errorf("account: count: %w", err)
	}
	if wait > 0 {
		return countersign.SlowDown(wait, "budget used up")
	}
	return nil
}

func (p *Process) prepare(ctx context.Context, by countersign.Caller, s step) (countersign.CredentialID, countersign.Challenge, error) {
	id := countersign.CredentialID(ids.New("crd", p.Now()))
	m, ok := s.m.(countersign.Preparer)
	if !ok {
		return id, countersign.Challenge{}, countersign.ErrNotFound
	}
	made, err := m.Prepare(ctx, s.subject)
	if err != nil {
		return id, made, fmt.Errorf("account: prepare %s: %w", m.Name(), err)
	}
	// An enrolment goes nowhere: in the place of an address stands what it is for, and its name.
	made.Scope, made.Method, made.Subject = scope(by), m.Name(), countersign.Subject{Identity: s.i.ID, Address: string(id)}
	return id, made, nil
}

// room says when no more can be added: each is a row, and each is compared with.
func (s step) room() error {
	if s.m.Collection().Granted { // only a process gives these
		return countersign.ErrNotFound
	}
	n := 0
	for _, c := range s.have {
		if c.Method == s.m.Name() && !s.m.Collection().Trusted { // the oldest of those makes room
			n++
		}
	}
	if most := s.m.Collection().Most; most > 1 && n >= most {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: fmt.Sprintf("An account has at most %d of these. Remove one first.", most)}
	}
	return nil
}

// with adds the id to what a method shows.
func with(show json.RawMessage, id countersign.CredentialID) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	if len(show) > 0 {
		if err := json.Unmarshal(show, &out); err != nil {
			return nil, fmt.Errorf("account: what a method shows: %w", err)
		}
	}
	text, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	out["id"] = text
	return json.Marshal(out)
}

// Add sets up one more. With an answer it completes what Prepare began. Without
// one it is Prepare, but for what has nothing to confirm, which is set up at once.
// What is shown is shown this once.
func (p *Process) Add(ctx context.Context, by countersign.Caller, path string, body json.RawMessage) (json.RawMessage, error) {
	name, answer, err := p.answerOf(path, body)
	if err != nil {
		return nil, err
	}
	s, err := p.step(ctx, by, path)
	if err != nil {
		return nil, err
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	kept := s.m.Collection()
	_, prepares := s.m.(countersign.Preparer)
	switch {
	case prepares && kept.Direct:
		second := len(countersign.Usable(p.Methods, p.Policy.Second, s.i, s.have)) > 0
		if kept.Trusted && !p.stepped(by) && !second { // fresh has seen to it that who has one has shown it
			return nil, &countersign.Error{Code: countersign.ErrForbidden.Code, Detail: "Only who has signed in with a second step can have this browser remembered."}
		}
		if err := p.begun(ctx, by); err != nil {
			return nil, err
		}
		id, made, err := p.prepare(ctx, by, s)
		if err != nil {
			return nil, err
		}
		if _, err := p.enroll(ctx, by, s, id, name, answer, &countersign.Change{}, made.Keep); err != nil {
			return nil, err
		}
		return with(made.Show, id)
	case prepares && len(answer) == 0:
		return p.begin(ctx, by, s, name)
	}
	return p.confirm(ctx, by, s, "", name, answer)
}

// Confirm completes what Prepare began, by its id.
func (p *Process) Confirm(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, body json.RawMessage) (json.RawMessage, error) {
	name, answer, err := p.answerOf(path, body)
	if err != nil {
		return nil, err
	}
	s, err := p.step(ctx, by, path)
	if err != nil {
		return nil, err
	}
	return p.confirm(ctx, by, s, id, name, answer)
}

func (p *Process) confirm(ctx context.Context, by countersign.Caller, s step, id countersign.CredentialID, name string, answer map[string]json.RawMessage) (json.RawMessage, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	c := &countersign.Change{}
	var asked []byte
	if _, prepares := s.m.(countersign.Preparer); prepares {
		taken, err := p.Challenges.TakeChallenge(ctx, scope(by), s.m.Name())
		began, called, _ := strings.Cut(taken.Subject.Address, "/")
		if errors.Is(err, countersign.ErrNotFound) || err == nil && (taken.Subject.Identity != s.i.ID || id != "" && string(id) != began) {
			return nil, &countersign.Error{Code: countersign.ErrExpired.Code, Detail: "This took too long, or was begun anew elsewhere. Start again."}
		}
		if err != nil {
			return nil, fmt.Errorf("account: take challenge: %w", err)
		}
		id, asked, c.Spend, name = countersign.CredentialID(began), taken.Keep, &taken, cmp.Or(name, called)
	} else {
		id = countersign.CredentialID(ids.New("crd", p.Now()))
	}
	made, err := p.enroll(ctx, by, s, id, name, answer, c, asked)
	if err != nil {
		return nil, err
	}
	return json.Marshal(factorOf(s.m, made))
}

// enroll lets the method make the credential, stores it and tells its owner.
func (p *Process) enroll(ctx context.Context, by countersign.Caller, s step, id countersign.CredentialID, name string, answer map[string]json.RawMessage, c *countersign.Change, asked []byte) (countersign.Credential, error) {
	method := s.m.Name()
	whole := maps.Clone(answer)
	if whole == nil {
		whole = map[string]json.RawMessage{}
	}
	whole["method"] = json.RawMessage(fmt.Sprintf("%q", method))
	raw, err := json.Marshal(whole)
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("account: enroll: %w", err)
	}
	m, ok := s.m.(countersign.Enroller)
	if !ok {
		return countersign.Credential{}, countersign.ErrNotFound
	}
	made, err := m.Enroll(ctx, s.subject, countersign.Evidence{Method: method, Subject: s.subject, Answer: raw, Asked: asked, From: by.From})
	if err != nil {
		return made, p.refused(ctx, by, s.i.ID, method, err)
	}
	made.ID, made.Identity, made.Method, made.CreatedAt, made.Version = id, s.i.ID, method, p.Now(), 0
	if made.Name = cmp.Or(name, made.Name); s.m.Collection().Fixed {
		made.Name = ""
	}
	first := !slices.ContainsFunc(s.have, func(c countersign.Credential) bool { return c.Method == method })
	c.Revoke = append(c.Revoke, p.replaced(s)...)
	if slices.Contains(p.Policy.Second, method) && len(countersign.Usable(p.Methods, p.Policy.Second, s.i, s.have)) == 0 {
		c.End = append(c.End, countersign.End{Identity: s.i.ID, Except: by.Session.ID}) // they were opened with less
	}
	c.Credentials = append(c.Credentials, made)
	// A new version: a sign-in that is under way begins again, under what is asked for now.
	c.Identity = &s.i
	action := "credential.added"
	if !first && s.m.Collection().Most == 1 {
		action = "credential.replaced"
	}
	p.tell(c, by, s.i, "factor_added", map[string]string{"method": method, "what": made.Name}, told(s.i)...)
	err = p.changeOf(ctx, by, s.i.ID, action, method, c)
	if errors.Is(err, countersign.ErrConflict) {
		return made, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This is set up already, or the account changed meanwhile. Start again."}
	}
	return made, err
}

// replaced are the credentials that go when one more is added: the old one where
// there is one at a time, the oldest remembered browser where there are too many, and
// all of those with a new second step, which they would stand in for.
func (p *Process) replaced(s step) (gone []countersign.CredentialID) {
	kept := s.m.Collection()
	var own []countersign.Credential
	for _, c := range s.have {
		if c.Method == s.m.Name() {
			own = append(own, c)
		}
	}
	slices.SortFunc(own, func(a, b countersign.Credential) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for len(own) > 0 && (kept.Most == 1 || kept.Trusted && len(own) >= kept.Most) {
		gone, own = append(gone, own[0].ID), own[1:]
	}
	if slices.Contains(p.Policy.Second, s.m.Name()) {
		gone = append(gone, countersign.Trusts(p.Methods, s.have)...)
	}
	return gone
}

// answerOf takes the name out of the body: the rest is the method's.
func (p *Process) answerOf(path string, body json.RawMessage) (name string, answer map[string]json.RawMessage, err error) {
	m, ok := p.Collections()[path]
	if !ok {
		return "", nil, countersign.ErrNotFound
	}
	if len(body) > 0 && json.Unmarshal(body, &answer) != nil {
		return "", nil, countersign.Invalid("", "invalid", "Send a JSON object.")
	}
	raw, named := answer["name"]
	if !named {
		return "", answer, nil
	}
	if m.Collection().Fixed {
		return "", nil, countersign.Invalid("name", "unknown", "These have no names.")
	}
	delete(answer, "name")
	if json.Unmarshal(raw, &name) != nil {
		return "", nil, countersign.Invalid("name", "wrong_type", "A name is text.")
	}
	if name, ok = profile.Name(name); !ok || len([]rune(name)) > mostName {
		return "", nil, wrongName()
	}
	return name, answer, nil
}

// mostName is how long the name of a credential may be, in characters.
const mostName = 60

func wrongName() error {
	return countersign.Invalid("name", "invalid", "A name has at most 60 characters and no line breaks or control characters.")
}

// Rename gives one another name.
func (p *Process) Rename(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, name string) (Factor, error) {
	m, ok := p.Collections()[path]
	if !ok || m.Collection().Fixed {
		return Factor{}, countersign.ErrNotFound
	}
	name, ok = profile.Name(name)
	if !ok || name == "" || len([]rune(name)) > mostName {
		return Factor{}, wrongName()
	}
	i, have, err := p.own(ctx, by)
	if err != nil {
		return Factor{}, err
	}
	at := slices.IndexFunc(have, func(c countersign.Credential) bool { return c.ID == id && c.Method == m.Name() })
	if at < 0 {
		return Factor{}, countersign.ErrNotFound
	}
	have[at].Name = name
	err = p.changeOf(ctx, by, i.ID, "credential.renamed", m.Name(), &countersign.Change{Credentials: have[at : at+1]})
	return factorOf(m, have[at]), err
}

// Remove takes one away. The other sessions end, because whoever lost it may have
// lost more, and the owner is told. What only stands in for second factors goes with the last of them.
func (p *Process) Remove(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID) error {
	s, err := p.step(ctx, by, path)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.have, func(c countersign.Credential) bool { return c.ID == id && c.Method == s.m.Name() })
	if at < 0 {
		return countersign.ErrNotFound
	}
	gone := s.have[at]
	left := slices.Delete(slices.Clone(s.have), at, at+1)
	can := countersign.Usable(p.Methods, slices.Sorted(maps.Keys(p.Methods)), s.i, left)
	if len(both(p.Policy.Offer, can)) == 0 {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This is your only way in. Set up another one first."}
	}
	c := &countersign.Change{Identity: &s.i, Revoke: []countersign.CredentialID{gone.ID}, End: []countersign.End{{Identity: s.i.ID, Except: by.Session.ID}}}
	if slices.Contains(p.Policy.Second, gone.Method) && len(both(p.Policy.Second, can)) == 0 {
		for _, other := range left {
			if slices.Contains(p.Policy.Spare, other.Method) && !slices.Contains(p.Policy.Offer, other.Method) {
				c.Revoke = append(c.Revoke, other.ID)
			}
		}
	}
	p.tell(c, by, s.i, "factor_removed", map[string]string{"method": gone.Method, "what": gone.Name}, told(s.i)...)
	return p.changeOf(ctx, by, s.i.ID, "credential.removed", gone.Method, c)
}

// changeOf writes with one event about the caller and a method.
func (p *Process) changeOf(ctx context.Context, by countersign.Caller, who countersign.IdentityID, action, method string, c *countersign.Change) error {
	e := p.event(by, who, action)
	e.Method = method
	c.Events = append(c.Events, e)
	return p.write(ctx, action, c)
}
