// Package account is what people do with their own identity: profile,
// addresses, credentials, sessions, activity, export and deletion. It is one
// room behind two doors, pages and JSON. Sensitive changes need a fresh proof
// (OWASP ASVS 5.0 7.5) and are told to the owner by mail.
package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/profile"
	"github.com/countersign-id/countersign/risk"
)

// Store is what accounts need from storage.
type Store interface {
	SubjectOf(context.Context, countersign.IdentityID) (countersign.Identity, []countersign.Credential, error)
	ListSessions(ctx context.Context, of countersign.IdentityID, after countersign.SessionID, limit int) ([]countersign.Session, error)
	ListEvents(ctx context.Context, f countersign.EventFilter, before string, limit int) ([]countersign.Event, error)
	Apply(context.Context, *countersign.Change) error
}

// Counter counts guesses in the database before they are checked.
type Counter interface {
	Count(context.Context, []countersign.Budget) (wait time.Duration, err error)
}

// Prover sends and checks the codes that prove an address.
type Prover interface {
	SendCode(ctx context.Context, by countersign.Caller, address string) error
	VerifyCode(ctx context.Context, by countersign.Caller, address, code string) error
}

// Process is what an owner can do. All fields are needed.
type Process struct {
	Methods    map[string]countersign.Method
	Policy     countersign.Policy // of signing in: what opens it and what completes it
	Store      Store
	Counter    Counter
	Challenges Challenges
	Limits     risk.Limits
	Prover     Prover
	Sudo       time.Duration // how fresh a proof sensitive changes need
	Now        func() time.Time
}

// Patch changes a profile; what is nil stays. An empty username or picture is removed.
type Patch struct {
	Name     *string `json:"name,omitempty" maxLength:"200"`
	Locale   *string `json:"locale,omitempty" maxLength:"35"`
	Username *string `json:"username,omitempty" maxLength:"64"`
	Picture  *string `json:"picture,omitempty" maxLength:"2048"`
}

// Show returns the caller's identity as it is stored now.
func (p *Process) Show(ctx context.Context, by countersign.Caller) (countersign.Identity, error) {
	i, _, err := p.own(ctx, by)
	return i, err
}

// own reads the identity again: what the caller carries may be as old as a
// remembered session, and a change is made to what is stored.
func (p *Process) own(ctx context.Context, by countersign.Caller) (countersign.Identity, []countersign.Credential, error) {
	if by.Identity.ID == "" || by.Session.ID == "" {
		return countersign.Identity{}, nil, countersign.ErrUnauthenticated
	}
	i, c, err := p.Store.SubjectOf(ctx, by.Identity.ID)
	if err != nil {
		return i, nil, fmt.Errorf("account: find: %w", err)
	}
	return i, c, nil
}

// fresh is own for sensitive changes: the caller must have proved a short while ago.
func (p *Process) fresh(ctx context.Context, by countersign.Caller) (countersign.Identity, []countersign.Credential, error) {
	// Who carries no session is told so by own, not asked for one more proof.
	if by.Session.ID != "" && !by.ProvedWithin(p.Sudo, p.Now()) {
		return countersign.Identity{}, nil, countersign.ErrStepUp
	}
	i, have, err := p.own(ctx, by)
	// A browser that is remembered lets its person in, and not to what it stands in for.
	if err == nil && !p.shown(by, i, have) {
		err = countersign.ErrStepUp
	}
	return i, have, err
}

// Update changes the caller's profile.
func (p *Process) Update(ctx context.Context, by countersign.Caller, in Patch) (countersign.Identity, error) {
	i, _, err := p.own(ctx, by)
	if err != nil {
		return i, err
	}
	if err := in.apply(&i); err != nil {
		return i, err
	}
	err = p.change(ctx, by, i.ID, "identity.updated", &countersign.Change{Identity: &i})
	if errors.Is(err, countersign.ErrTaken) {
		return i, &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This username is taken.",
			Fields: []countersign.FieldError{{Field: "username", Code: "taken", Message: "This username is taken. Choose another."}}}
	}
	return i, err
}

func (in Patch) apply(i *countersign.Identity) error {
	if in.Name != nil {
		name, ok := profile.Name(*in.Name)
		if !ok {
			return countersign.Invalid("name", "invalid", "A name has at most 200 characters and no line breaks or control characters.")
		}
		i.Name = name
	}
	if in.Locale != nil {
		// BCP 47; 35 characters is the buffer that RFC 5646 section 4.4.1 asks for.
		tag, ok := profile.Locale(*in.Locale)
		if !ok {
			return countersign.Invalid("locale", "invalid", "Give a language tag, such as en or de-CH.")
		}
		i.Locale = tag
	}
	if in.Username != nil {
		if key, ok := address.Username(*in.Username); ok {
			i.Username = &key
		} else if *in.Username == "" {
			i.Username = nil
		} else {
			return countersign.Invalid("username", "invalid", "A username has 2 to 64 letters a to z, digits, dots, hyphens and underscores, and begins with a letter.")
		}
	}
	if in.Picture != nil {
		// Only kept and shown, never fetched: a server that fetches what callers name
		// can be sent to its own network (CWE-918).
		u, err := url.Parse(*in.Picture)
		if i.Picture = in.Picture; *in.Picture == "" {
			i.Picture = nil
		} else if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(*in.Picture) > 2048 {
			return countersign.Invalid("picture", "invalid", "Give the https address of a picture.")
		}
	}
	return nil
}

// admins is the role of which somebody must be left.
const admins = "admin"

// Delete removes the caller's identity and everything that hangs on it. The
// audit log keeps that it existed.
func (p *Process) Delete(ctx context.Context, by countersign.Caller) error {
	i, _, err := p.fresh(ctx, by)
	if err != nil {
		return err
	}
	c := &countersign.Change{Remove: i.ID, End: []countersign.End{{Identity: i.ID}}}
	if i.Has(admins) {
		c.Holder = admins
	}
	p.tell(c, by, i, "account_deleted", nil, i.Primary())
	err = p.change(ctx, by, i.ID, "identity.deleted", c)
	if errors.Is(err, countersign.ErrConflict) {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "You are the last administrator. Make another one first."}
	}
	return err
}

// Changeable lists the methods whose credential its owner can change.
func (p *Process) Changeable() (names []string) {
	for name, m := range p.Methods {
		if _, ok := m.(countersign.Changer); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// change writes with one event about the caller.
func (p *Process) change(ctx context.Context, by countersign.Caller, who countersign.IdentityID, action string, c *countersign.Change) error {
	c.Events = append(c.Events, p.event(by, who, action))
	return p.write(ctx, action, c)
}

func (p *Process) write(ctx context.Context, action string, c *countersign.Change) error {
	if err := p.Store.Apply(ctx, c); err != nil {
		return fmt.Errorf("account: %s: %w", action, err)
	}
	return nil
}

func (p *Process) event(by countersign.Caller, who countersign.IdentityID, action string) countersign.Event {
	now := p.Now()
	return countersign.Event{
		ID: ids.New("evt", now), At: now, Action: action, Outcome: "ok", Actor: string(by.Identity.ID), Subject: who,
		Session: by.Session.ID, Network: by.Device.Network, Device: by.Device.Name, Request: by.Request,
	}
}

// tell adds a letter to each address to a change.
func (p *Process) tell(c *countersign.Change, by countersign.Caller, i countersign.Identity, template string, data map[string]string, to ...string) {
	now := p.Now()
	for _, place := range to {
		if place == "" {
			continue
		}
		d := map[string]string{"device": by.Device.Name, "network": by.Device.Network, "place": by.Device.Place, "at": now.UTC().Format(time.RFC3339)}
		for k, v := range data {
			d[k] = v
		}
		locale := i.Locale
		if locale == "" {
			locale = by.Locale
		}
		c.Send = append(c.Send, countersign.Message{
			ID: ids.New("msg", now), Channel: channelOf(place), To: place, Template: template, Locale: locale, Data: d, CreatedAt: now,
		})
	}
}

// channelOf is how a place is reached: an address by mail, a number by text message.
func channelOf(to string) string {
	if kind, _, _ := address.Parse(to); kind == address.PhoneKind {
		return "sms"
	}
	return "email"
}

// told are the places where an identity hears of what happens to it.
func told(i countersign.Identity) (all []string) {
	for _, to := range i.Reaches() {
		all = append(all, to.Address)
	}
	return all
}

// Export is everything that is held about an identity, without what lets someone in.
type Export struct {
	ExportedAt  time.Time             `json:"exported_at"`
	Identity    countersign.Identity  `json:"identity"`
	Credentials []ExportedCredential  `json:"credentials"`
	Sessions    []countersign.Session `json:"sessions"`
	Activity    []countersign.Event   `json:"activity"`
}

// ExportedCredential says that a credential exists.
type ExportedCredential struct {
	ID        countersign.CredentialID `json:"id"`
	Method    string                   `json:"method"`
	Name      string                   `json:"name"`
	CreatedAt time.Time                `json:"created_at"`
	UsedAt    *time.Time               `json:"used_at"`
}

// page is how many records are read at once, so that no query is long. The export
// itself is held in memory whole.
const page = 500

// Export gathers it, the newest first.
func (p *Process) Export(ctx context.Context, by countersign.Caller) (Export, error) {
	i, credentials, err := p.fresh(ctx, by)
	if err != nil {
		return Export{}, err
	}
	out := Export{ExportedAt: p.Now().UTC(), Identity: i, Credentials: []ExportedCredential{}, Sessions: []countersign.Session{}, Activity: []countersign.Event{}}
	for _, c := range credentials {
		e := ExportedCredential{ID: c.ID, Method: c.Method, Name: c.Name, CreatedAt: c.CreatedAt}
		if !c.UsedAt.IsZero() {
			e.UsedAt = &c.UsedAt
		}
		out.Credentials = append(out.Credentials, e)
	}
	for next := "more"; next != ""; {
		var list []countersign.Session
		if list, next, err = p.Sessions(ctx, by, lastOf(out.Sessions), page); err != nil {
			return out, err
		}
		out.Sessions = append(out.Sessions, list...)
	}
	for next := ""; ; {
		var list []countersign.Event
		if list, next, err = p.Activity(ctx, by, next, page); err != nil {
			return out, err
		}
		if out.Activity = append(out.Activity, list...); next == "" {
			return out, p.change(ctx, by, i.ID, "identity.exported", &countersign.Change{})
		}
	}
}

func lastOf(list []countersign.Session) countersign.SessionID {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1].ID
}

// A fitter says by its form alone whether a new credential would do.
type fitter interface {
	Fit(countersign.Evidence) error
}

// Change replaces a credential: its owner shows the current one and the new
// one. Guesses of the current one draw on the budget of the sign-in. The other sessions end.
func (p *Process) Change(ctx context.Context, by countersign.Caller, method string, body json.RawMessage) error {
	m, ok := p.Methods[method].(countersign.Changer)
	if !ok {
		return countersign.ErrNotFound
	}
	// Admitted before it is counted, counted before it is compared, as in a sign-in.
	leave, err := countersign.Admit(ctx, m)
	if err != nil {
		return fmt.Errorf("account: admit %s: %w", method, err)
	}
	defer leave()
	i, credentials, err := p.own(ctx, by)
	if err != nil {
		return err
	}
	subject := countersign.Subject{Identity: i.ID, Names: i.Names(), Credentials: credentials}
	evidence := countersign.Evidence{Method: method, Subject: subject, Answer: body, From: by.From}
	if f, ok := m.(fitter); ok { // what is wrong with the new one costs no guess of the current one
		if err := f.Fit(evidence); err != nil {
			return err
		}
	}
	by.Known = i.ID // whoever has the session is no stranger
	// The primary address stands for the name that a sign-in would give.
	budgets, back := p.Limits.Guess(by, i.ID, i.Primary(), method)
	if wait, err := p.Counter.Count(ctx, budgets); err != nil {
		return fmt.Errorf("account: count: %w", err)
	} else if wait > 0 {
		return p.refused(ctx, by, i.ID, method, countersign.SlowDown(wait, "budget used up"))
	}
	made, err := m.Change(ctx, subject, evidence)
	if err != nil {
		return p.refused(ctx, by, i.ID, method, err)
	}
	for {
		at := slices.IndexFunc(credentials, func(c countersign.Credential) bool { return c.ID == made.ID })
		if at >= 0 {
			made.Version = credentials[at].Version // in its place, unless it has moved on
		}
		// The identity gets a new version: whatever was proved of the old one opens nothing any more.
		c := &countersign.Change{Identity: &i, Credentials: []countersign.Credential{made}, Clear: back,
			Revoke: countersign.Trusts(p.Methods, credentials), End: []countersign.End{{Identity: i.ID, Except: by.Session.ID}}}
		p.tell(c, by, i, method+"_changed", nil, told(i)...)
		err := p.change(ctx, by, i.ID, "credential.changed", c)
		if !errors.Is(err, countersign.ErrConflict) {
			return err
		}
		// A sign-in beside us may have renewed the hash of the same password. A change
		// of anything else shows in the identity's version, and is one we did not know of.
		var now countersign.Identity
		if now, credentials, err = p.own(ctx, by); err != nil {
			return err
		}
		if now.Version != i.Version || !slices.ContainsFunc(credentials, func(c countersign.Credential) bool { return c.ID == made.ID && c.Version != made.Version }) {
			return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "The account changed meanwhile. Try again."}
		}
	}
}
