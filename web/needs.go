package web

import (
	"context"
	"encoding/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/login"
)

// Attempts runs a sign-in, sign-up, recovery, verification or step-up.
type Attempts interface {
	Start(context.Context, countersign.Caller, login.Start) (login.Result, error)
	State(context.Context, countersign.Caller, countersign.AttemptID) (login.Result, error)
	Ask(ctx context.Context, by countersign.Caller, id countersign.AttemptID, method string) (login.Result, error)
	Answer(ctx context.Context, by countersign.Caller, id countersign.AttemptID, evidence json.RawMessage) (login.Result, error)
}

// Links answers mailed links: Link looks and spends nothing, Follow spends.
type Links interface {
	Link(ctx context.Context, token string) (login.Link, error)
	Follow(ctx context.Context, by countersign.Caller, token string, mine countersign.AttemptID) (login.Result, error)
}

// Profiles is what an account knows about its owner.
type Profiles interface {
	Show(context.Context, countersign.Caller) (countersign.Identity, error)
	Update(context.Context, countersign.Caller, account.Patch) (countersign.Identity, error)
	Delete(context.Context, countersign.Caller) error
	Export(context.Context, countersign.Caller) (account.Export, error)
}

// Emails are the addresses of an account.
type Emails interface {
	AddEmail(ctx context.Context, by countersign.Caller, address string) (countersign.Email, error)
	VerifyEmail(ctx context.Context, by countersign.Caller, address, code string) (countersign.Identity, error)
	MakePrimary(ctx context.Context, by countersign.Caller, address string) (countersign.Identity, error)
	RemoveEmail(ctx context.Context, by countersign.Caller, address string) error
}

// Devices are the sessions of an account.
type Devices interface {
	Sessions(ctx context.Context, by countersign.Caller, after countersign.SessionID, limit int) ([]countersign.Session, string, error)
	EndSession(context.Context, countersign.Caller, countersign.SessionID) error
	EndOthers(context.Context, countersign.Caller) error
	SignOut(context.Context, countersign.Caller) error
}

// Changes are the credentials that an owner can change, and what has happened.
type Changes interface {
	Changeable() []string
	Change(ctx context.Context, by countersign.Caller, method string, body json.RawMessage) error
	Activity(ctx context.Context, by countersign.Caller, after string, limit int) ([]countersign.Event, string, error)
}

// Setup makes the first administrator, with a token that is printed at the start.
type Setup interface {
	SetupOpen(context.Context) (bool, error)
	SetupCheck(ctx context.Context, token string) error
	Setup(ctx context.Context, by countersign.Caller, token string, who admin.New) (countersign.Identity, countersign.Session, string, error)
}

// Factors are what an owner has set up to prove with, and how more is.
type Factors interface {
	Security(context.Context, countersign.Caller) (account.Security, error)
	Collections() map[string]countersign.Keeper
	Prepare(ctx context.Context, by countersign.Caller, path string) (json.RawMessage, error)
	Confirm(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, body json.RawMessage) (json.RawMessage, error)
}

// Keepers change what an owner has set up. Add is for what is set up in one step.
type Keepers interface {
	Add(ctx context.Context, by countersign.Caller, path string, body json.RawMessage) (json.RawMessage, error)
	Rename(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, name string) (account.Factor, error)
	Remove(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID) error
}

// Phones are the numbers of an account.
type Phones interface {
	AddPhone(ctx context.Context, by countersign.Caller, number string) (countersign.Phone, error)
	VerifyPhone(ctx context.Context, by countersign.Caller, number, code string) (countersign.Identity, error)
	RemovePhone(ctx context.Context, by countersign.Caller, number string) error
}

// Resets let somebody in, after a wait, who has lost their second factors.
type Resets interface {
	BeginReset(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (login.Result, error)
	CancelReset(ctx context.Context, by countersign.Caller, token string) error
}
