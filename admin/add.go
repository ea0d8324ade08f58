package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/address"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/profile"
	"github.com/countersign-id/countersign/internal/secret"
)

// New describes an identity to be made. Secret is the evidence that sets up its
// first credential ({"method": "password", "password": "…"}); it may be empty.
type New struct {
	Kind       countersign.Kind `json:"kind,omitempty" enum:"person,service"`
	Email      string           `json:"email,omitempty" maxLength:"320"`
	Username   string           `json:"username,omitempty" maxLength:"64"`
	Name       string           `json:"name,omitempty" maxLength:"200"`
	Locale     string           `json:"locale,omitempty" maxLength:"35"`
	Flags      []string         `json:"flags,omitempty"`
	Roles      []string         `json:"roles,omitempty"`
	Unverified bool             `json:"unverified,omitempty" doc:"The address must still be proved"`
	Secret     json.RawMessage  `json:"evidence,omitempty" doc:"What sets up the first credential"`
}

// Add makes an identity. An administrator vouches for its address unless Unverified says otherwise.
func (p *Process) Add(ctx context.Context, by countersign.Caller, in New) (countersign.Identity, error) {
	// Else a borrowed session of an administrator could leave another one behind.
	check := p.allow
	if len(in.Roles) > 0 {
		check = p.grave
	}
	if err := check(by); err != nil {
		return countersign.Identity{}, err
	}
	i, c, err := p.prepare(ctx, by, in)
	if err != nil {
		return i, err
	}
	return i, p.taken(p.change(ctx, by, i.ID, "identity.created", nil, c))
}

// prepare builds the change that makes an identity.
func (p *Process) prepare(ctx context.Context, by countersign.Caller, in New) (countersign.Identity, *countersign.Change, error) {
	i, err := in.identity(p.Now())
	if err != nil {
		return i, nil, err
	}
	c := &countersign.Change{Identity: &i}
	if i.Has(Role) {
		c.Events = append(c.Events, p.event(by, i.ID, granted, nil))
	}
	// Without a first credential the owner sets one by recovery, if the address is verified.
	if len(in.Secret) > 0 {
		made, err := p.enroll(ctx, by, i, in.Secret)
		if err != nil {
			return i, nil, err
		}
		c.Credentials = append(c.Credentials, made)
	}
	return i, c, nil
}

func (in New) identity(now time.Time) (countersign.Identity, error) {
	i := countersign.Identity{
		ID: countersign.IdentityID(ids.New("idn", now)), Kind: in.Kind, State: countersign.Active, Emails: []countersign.Email{},
		Phones: []countersign.Phone{}, Flags: []string{}, Roles: []string{}, Metadata: []byte("{}"), CreatedAt: now,
	}
	if i.Kind == "" {
		i.Kind = countersign.Person
	}
	if i.Kind != countersign.Person && i.Kind != countersign.Service {
		return i, countersign.Invalid("kind", "unknown", "The kind is person or service.")
	}
	if in.Email != "" {
		key, ok := address.Email(in.Email)
		if !ok {
			return i, countersign.Invalid("email", "invalid", "Give an e-mail address, such as ada@example.com.")
		}
		i.Emails = []countersign.Email{{Address: key, Verified: !in.Unverified, Primary: !in.Unverified}}
	}
	if in.Username != "" {
		key, ok := address.Username(in.Username)
		if !ok {
			return i, countersign.Invalid("username", "invalid", "A username has 2 to 64 letters a to z, digits, dots, hyphens and underscores, and begins with a letter.")
		}
		i.Username = &key
	}
	if in.Email == "" && in.Username == "" && i.Kind == countersign.Person {
		return i, countersign.Invalid("email", "required", "A person needs an e-mail address or a username.")
	}
	var ok bool
	if i.Locale, ok = profile.Locale(in.Locale); !ok {
		return i, countersign.Invalid("locale", "invalid", "Give a language tag, such as en or de-CH.")
	}
	return i, Patch{Flags: &in.Flags, Roles: &in.Roles, Name: &in.Name}.apply(&i)
}

func (in Patch) apply(i *countersign.Identity) (err error) {
	if in.Flags != nil {
		if i.Flags, err = words("flags", *in.Flags); err != nil {
			return err
		}
	}
	if in.Roles != nil {
		if i.Roles, err = words("roles", *in.Roles); err != nil {
			return err
		}
	}
	if in.Metadata != nil {
		var object map[string]any
		if len(*in.Metadata) > 64<<10 || json.Unmarshal(*in.Metadata, &object) != nil || object == nil {
			return countersign.Invalid("metadata", "invalid", "Metadata is a JSON object of at most 64 KiB.")
		}
		i.Metadata = *in.Metadata
	}
	if in.State != nil {
		if *in.State != countersign.Active && *in.State != countersign.Disabled {
			return countersign.Invalid("state", "unknown", "The state is active or disabled.")
		}
		i.State = *in.State
	}
	if in.Name != nil {
		name, ok := profile.Name(*in.Name)
		if !ok {
			return countersign.Invalid("name", "invalid", "A name has at most 200 characters and no line breaks or control characters.")
		}
		i.Name = name
	}
	return nil
}

// enroll lets the method that the evidence names make a credential for an identity.
func (p *Process) enroll(ctx context.Context, by countersign.Caller, i countersign.Identity, evidence json.RawMessage) (countersign.Credential, error) {
	var in struct {
		Method string `json:"method"`
	}
	if json.Unmarshal(evidence, &in) != nil {
		return countersign.Credential{}, countersign.Invalid("evidence", "invalid", "Evidence is a JSON object that names its method.")
	}
	m, ok := p.Methods[in.Method].(countersign.Enroller)
	if !ok {
		return countersign.Credential{}, countersign.Invalid("evidence.method", "not_offered", "This method cannot be set up so.")
	}
	leave, err := countersign.Admit(ctx, m)
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("admin: admit %s: %w", in.Method, err)
	}
	defer leave()
	s := countersign.Subject{Identity: i.ID, Names: i.Names()}
	made, err := m.Enroll(ctx, s, countersign.Evidence{Method: in.Method, Subject: s, Answer: evidence, From: by.From})
	if err != nil {
		return made, err
	}
	// Whose it is, and when it was made, is not left to the method.
	made.ID, made.Identity, made.Method, made.CreatedAt = countersign.CredentialID(ids.New("crd", p.Now())), i.ID, in.Method, p.Now()
	return made, nil
}

// SetSecret gives an identity a new credential in place of those of the same
// method, and ends its sessions.
func (p *Process) SetSecret(ctx context.Context, by countersign.Caller, id countersign.IdentityID, evidence json.RawMessage) error {
	if err := p.grave(by); err != nil {
		return err
	}
	i, have, err := p.find(ctx, by, id)
	if err != nil {
		return err
	}
	made, err := p.enroll(ctx, by, i, evidence)
	if err != nil {
		return err
	}
	// The identity gets a new version: whatever was proved of the old one opens nothing any more.
	c := &countersign.Change{Identity: &i, Credentials: []countersign.Credential{made}, End: []countersign.End{{Identity: id}}}
	c.Revoke = countersign.Trusts(p.Methods, have)
	for _, old := range have {
		if old.Method == made.Method {
			c.Revoke = append(c.Revoke, old.ID)
		}
	}
	return p.change(ctx, by, id, "credential.set", map[string]string{"method": made.Method}, c)
}

// taken says what nobody but an administrator may hear: that somebody has the name.
func (p *Process) taken(err error) error {
	if errors.Is(err, countersign.ErrTaken) {
		return &countersign.Error{Code: countersign.ErrConflict.Code, Detail: "Another identity has this address or username."}
	}
	return err
}

// setup is the scope and the method of the challenge behind the set-up link.
const setup = "setup"

// SetupOpen tells whether the first administrator can still be made by the
// link: until there has been one.
func (p *Process) SetupOpen(ctx context.Context) (bool, error) {
	list, err := p.Records.ListEvents(ctx, countersign.EventFilter{Action: granted}, "", 1)
	if err != nil {
		return false, fmt.Errorf("admin: set-up: %w", err)
	}
	return len(list) == 0, nil
}

// SetupLink makes the token of the set-up link and ends the one before it.
func (p *Process) SetupLink(ctx context.Context) (string, error) {
	token, hash := secret.New(secret.Link)
	now := p.Now()
	by := countersign.Caller{System: "server"}
	err := p.change(ctx, by, "", "setup.offered", nil, &countersign.Change{Challenge: &countersign.Challenge{
		// It lives as long as the server waits for its first administrator; each start replaces it.
		Scope: setup, Method: setup, Keep: hash[:], Lookup: hash[:], Tries: 1, Expires: now.AddDate(10, 0, 0),
	}})
	return token, err
}

// SetupCheck tells whether a set-up link is good; it spends nothing.
func (p *Process) SetupCheck(ctx context.Context, token string) error {
	_, err := p.setup(ctx, token)
	return err
}

// setup finds the challenge behind a link. Links of letters are kept in the same
// table, so the scope is looked at: the mail of a stranger makes no administrator.
func (p *Process) setup(ctx context.Context, token string) (countersign.Challenge, error) {
	hash, ok := secret.Hash(secret.Link, token)
	if !ok {
		return countersign.Challenge{}, countersign.ErrExpired
	}
	if open, err := p.SetupOpen(ctx); err != nil || !open {
		return countersign.Challenge{}, errors.Join(err, countersign.ErrExpired)
	}
	c, err := p.Records.FindChallenge(ctx, hash[:])
	if errors.Is(err, countersign.ErrNotFound) || err == nil && c.Scope != setup {
		return c, countersign.ErrExpired
	}
	return c, err
}

// Setup makes the first administrator, once, and signs them in. The link is the proof.
func (p *Process) Setup(ctx context.Context, by countersign.Caller, token string, in New) (countersign.Identity, countersign.Session, string, error) {
	var none countersign.Session
	spent, err := p.setup(ctx, token)
	if err != nil {
		return countersign.Identity{}, none, "", err
	}
	in.Kind, in.Roles, in.Unverified = countersign.Person, slices.Compact(append([]string{Role}, in.Roles...)), false
	if len(in.Secret) == 0 {
		return countersign.Identity{}, none, "", countersign.Invalid("evidence", "required", "The first administrator needs a password.")
	}
	// Who follows the link is a person, whichever door they came by; the record names them.
	by.System = ""
	i, c, err := p.prepare(ctx, by, in)
	if err != nil {
		return i, none, "", err
	}
	// Spent in the transaction that makes the identity: of fifty at once, one is made.
	c.Spend = &spent
	now := p.Now()
	a := countersign.Attempt{
		ID: countersign.AttemptID(ids.New("att", now)), Purpose: countersign.SignUp, State: countersign.NeedsEvidence, Identity: i.ID,
		Proofs:  []countersign.Proof{{Identity: i.ID, Method: setup, Factor: countersign.Has, At: now}},
		Expires: now.Add(time.Minute),
	}
	// The link is judged like any proof: there is no other way to a session.
	enough, ok := countersign.Policy{Factors: 1}.Judge(a, now).(countersign.Enough)
	if !ok {
		return i, none, "", countersign.ErrForbidden
	}
	session, secretToken, err := p.Opener.Open(enough, by)
	if err != nil {
		return i, none, "", fmt.Errorf("admin: set-up: %w", err)
	}
	c.Session = &session
	opened := p.event(by, i.ID, "session.opened", map[string]string{"purpose": setup})
	opened.Session = session.ID
	c.Events = append(c.Events, opened)
	err = p.taken(p.change(ctx, by, i.ID, "identity.created", nil, c))
	// A conflict that is not a taken name is a spent link.
	if errors.Is(err, countersign.ErrConflict) && !errors.Is(err, countersign.ErrTaken) {
		err = countersign.ErrExpired
	}
	return i, session, secretToken, err
}
