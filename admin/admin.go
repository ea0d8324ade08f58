// Package admin is what an administrator can do: one room behind three doors
// (pages, JSON, command line). Every function checks that its caller is one, so
// no door can forget it (OWASP ASVS 5.0 8.2). It owns who may; the changes
// themselves are the store's.
package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// Role is the role that makes an identity an administrator.
const Role = "admin"

// granted is the event that the first administrator leaves behind for good: once
// it is there the set-up link stays closed, whoever is deleted later.
const granted = "admin.granted"

// Store is what administration needs from storage.
type Store interface {
	SubjectOf(context.Context, countersign.IdentityID) (countersign.Identity, []countersign.Credential, error)
	ListIdentities(ctx context.Context, f countersign.IdentityFilter, after countersign.IdentityID, limit int) ([]countersign.Identity, error)
	Apply(context.Context, *countersign.Change) error
}

// Records are the lists that hang on an identity.
type Records interface {
	ListSessions(ctx context.Context, of countersign.IdentityID, after countersign.SessionID, limit int) ([]countersign.Session, error)
	ListEvents(ctx context.Context, f countersign.EventFilter, before string, limit int) ([]countersign.Event, error)
	FindChallenge(ctx context.Context, lookup []byte) (countersign.Challenge, error)
}

// Opener makes a session for the first administrator.
type Opener interface {
	Open(countersign.Enough, countersign.Caller) (countersign.Session, string, error)
}

// Process is what an administrator can do. All fields are needed.
type Process struct {
	Methods map[string]countersign.Method
	Store   Store
	Records Records
	Opener  Opener
	Policy  countersign.Policy // of signing in: what the role needs
	Sudo    time.Duration      // how fresh a proof the gravest changes need
	Now     func() time.Time
}

// allow says whether the caller is an administrator. The server's own command
// line is one: who can run it holds the database.
func (p *Process) allow(by countersign.Caller) error {
	switch {
	case by.System != "":
		return nil
	case by.Session.ID == "":
		return countersign.ErrUnauthenticated
	// The identity is as new as the session check: a role that was taken away is
	// gone at once here and within a second on the other nodes.
	case by.Identity.State != countersign.Active || !by.Identity.Has(Role):
		return countersign.ErrForbidden
	}
	// The session may be older than the rule, or than the role.
	need, s := p.Policy.Needs(by.Identity, p.Now()), by.Session
	bound := slices.ContainsFunc(s.Methods, func(m string) bool { return slices.Contains(p.Policy.Strong, m) })
	if need.Factors > 1 && s.Assurance < countersign.AAL2 || need.Bound && !bound {
		return countersign.ErrStepUp
	}
	return nil
}

// grave is allow for what takes over or destroys an account.
func (p *Process) grave(by countersign.Caller) error {
	if err := p.allow(by); err != nil {
		return err
	}
	if by.System == "" && !by.ProvedWithin(p.Sudo, p.Now()) {
		return countersign.ErrStepUp
	}
	return nil
}

// List pages through identities in the order of their ids; next is "" at the end.
func (p *Process) List(ctx context.Context, by countersign.Caller, f countersign.IdentityFilter, after countersign.IdentityID, limit int) ([]countersign.Identity, string, error) {
	if err := p.allow(by); err != nil {
		return nil, "", err
	}
	list, err := p.Store.ListIdentities(ctx, f, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("admin: list: %w", err)
	}
	if len(list) < limit {
		return list, "", nil
	}
	return list, string(list[len(list)-1].ID), nil
}

// Show returns one identity.
func (p *Process) Show(ctx context.Context, by countersign.Caller, id countersign.IdentityID) (countersign.Identity, error) {
	i, _, err := p.find(ctx, by, id)
	return i, err
}

func (p *Process) find(ctx context.Context, by countersign.Caller, id countersign.IdentityID) (countersign.Identity, []countersign.Credential, error) {
	if err := p.allow(by); err != nil {
		return countersign.Identity{}, nil, err
	}
	// What has not the form of an id is answered without asking the database.
	if !ids.Is("idn", string(id)) {
		return countersign.Identity{}, nil, countersign.ErrNotFound
	}
	i, c, err := p.Store.SubjectOf(ctx, id)
	if err != nil {
		return i, nil, fmt.Errorf("admin: find: %w", err)
	}
	return i, c, nil
}

// Patch changes what only an administrator may; what is nil stays.
type Patch struct {
	Flags    *[]string          `json:"flags,omitempty"`
	Roles    *[]string          `json:"roles,omitempty"`
	Metadata *json.RawMessage   `json:"metadata,omitempty"`
	State    *countersign.State `json:"state,omitempty" enum:"active,disabled"`
	Name     *string            `json:"name,omitempty" maxLength:"200"`
}

// Patch changes an identity. Disabling it ends its sessions at once.
func (p *Process) Patch(ctx context.Context, by countersign.Caller, id countersign.IdentityID, in Patch) (countersign.Identity, error) {
	// Roles and the state decide who may do what; flags and names do not.
	check := p.allow
	if in.Roles != nil || in.State != nil {
		check = p.grave
	}
	if err := check(by); err != nil {
		return countersign.Identity{}, err
	}
	i, _, err := p.find(ctx, by, id)
	if err != nil {
		return i, err
	}
	was := i
	if err := in.apply(&i); err != nil {
		return i, err
	}
	if was.Has(Role) && was.State == countersign.Active && (!i.Has(Role) || i.State != countersign.Active) {
		if err := p.notTheLast(ctx, id); err != nil {
			return i, err
		}
	}
	c := &countersign.Change{Identity: &i}
	if was.Has(Role) && was.State == countersign.Active {
		c.Holder = Role // of two who take it from each other at once, one is refused
	}
	if i.State == countersign.Disabled {
		c.End = []countersign.End{{Identity: id}}
	}
	if i.Has(Role) && !was.Has(Role) {
		c.Events = append(c.Events, p.event(by, id, granted, nil))
	}
	return i, p.change(ctx, by, id, "identity.updated", in.said(), c)
}

// said lists what a patch touched, for the log.
func (in Patch) said() map[string]string {
	d := map[string]string{}
	if in.Flags != nil {
		d["flags"] = fmt.Sprint(*in.Flags)
	}
	if in.Roles != nil {
		d["roles"] = fmt.Sprint(*in.Roles)
	}
	if in.State != nil {
		d["state"] = string(*in.State)
	}
	// Not what they say: it may be personal, and the log only grows.
	if in.Metadata != nil {
		d["metadata"] = "changed"
	}
	if in.Name != nil {
		d["name"] = "changed"
	}
	return d
}

// notTheLast refuses to leave nobody who could administer.
func (p *Process) notTheLast(ctx context.Context, id countersign.IdentityID) error {
	list, err := p.Store.ListIdentities(ctx, countersign.IdentityFilter{Role: Role, State: countersign.Active}, "", 2)
	if err != nil {
		return fmt.Errorf("admin: count administrators: %w", err)
	}
	if len(list) == 1 && list[0].ID == id {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "This is the last administrator. Make another one first."}
	}
	return nil
}

// Delete removes an identity and everything that hangs on it, but not its events.
func (p *Process) Delete(ctx context.Context, by countersign.Caller, id countersign.IdentityID) error {
	if err := p.grave(by); err != nil {
		return err
	}
	i, _, err := p.find(ctx, by, id)
	if err != nil {
		return err
	}
	if i.Has(Role) && i.State == countersign.Active {
		if err := p.notTheLast(ctx, id); err != nil {
			return err
		}
	}
	c := &countersign.Change{Remove: id, End: []countersign.End{{Identity: id}}}
	if i.Has(Role) && i.State == countersign.Active {
		c.Holder = Role
	}
	return p.change(ctx, by, id, "identity.deleted", nil, c)
}

// Sessions lists an identity's sessions.
func (p *Process) Sessions(ctx context.Context, by countersign.Caller, id countersign.IdentityID, after countersign.SessionID, limit int) ([]countersign.Session, string, error) {
	if _, _, err := p.find(ctx, by, id); err != nil {
		return nil, "", err
	}
	list, err := p.Records.ListSessions(ctx, id, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("admin: sessions: %w", err)
	}
	if len(list) < limit {
		return list, "", nil
	}
	return list, string(list[len(list)-1].ID), nil
}

// EndSessions ends one session of an identity, or all when session is empty.
func (p *Process) EndSessions(ctx context.Context, by countersign.Caller, id countersign.IdentityID, session countersign.SessionID) error {
	if _, _, err := p.find(ctx, by, id); err != nil {
		return err
	}
	var ended map[string]string
	if session != "" {
		ended = map[string]string{"ended": string(session)}
	}
	return p.change(ctx, by, id, "session.revoked", ended, &countersign.Change{End: []countersign.End{{Identity: id, Session: session}}})
}

// Events lists the audit log, newest first.
func (p *Process) Events(ctx context.Context, by countersign.Caller, f countersign.EventFilter, before string, limit int) ([]countersign.Event, string, error) {
	if err := p.allow(by); err != nil {
		return nil, "", err
	}
	list, err := p.Records.ListEvents(ctx, f, before, limit)
	if err != nil {
		return nil, "", fmt.Errorf("admin: events: %w", err)
	}
	for i := range list {
		if by.System == "" { // whoever knows the id of an attempt can go on with it
			list[i].Attempt = ""
		}
	}
	if len(list) < limit {
		return list, "", nil
	}
	return list, list[len(list)-1].ID, nil
}

func (p *Process) change(ctx context.Context, by countersign.Caller, id countersign.IdentityID, action string, detail map[string]string, c *countersign.Change) error {
	c.Events = append(c.Events, p.event(by, id, action, detail))
	if err := p.Store.Apply(ctx, c); err != nil {
		return fmt.Errorf("admin: %s: %w", action, err)
	}
	return nil
}

func (p *Process) event(by countersign.Caller, id countersign.IdentityID, action string, detail map[string]string) countersign.Event {
	now := p.Now()
	actor := string(by.Identity.ID)
	if actor == "" {
		actor = by.System
	}
	if actor == "" {
		actor = string(id) // the first administrator, who is nobody yet
	}
	return countersign.Event{
		ID: ids.New("evt", now), At: now, Action: action, Outcome: "ok", Actor: actor, Subject: id,
		Session: by.Session.ID, Network: by.Device.Network, Device: by.Device.Name, Request: by.Request, Detail: detail,
	}
}

// words checks a list of flags or roles: each 1 to 64 of a-z, 0-9, "-", "_", ".", ":", sorted, each once.
func words(field string, list []string) ([]string, error) {
	// They are read with every identity and kept with every remembered session.
	if len(list) > 100 {
		return nil, countersign.Invalid(field, "too_many", "At most 100 are kept.")
	}
	out := slices.Clone(list)
	slices.Sort(out)
	for _, w := range out {
		if len(w) < 1 || len(w) > 64 || !wordy(w) {
			return nil, countersign.Invalid(field, "invalid", "Each has 1 to 64 of the characters a to z, 0 to 9, - _ . and :")
		}
	}
	return append([]string{}, slices.Compact(out)...), nil
}

func wordy(w string) bool {
	for _, c := range []byte(w) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':') {
			return false
		}
	}
	return true
}
