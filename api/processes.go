package api

import (
	"context"
	"encoding/json"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
)

// Account is what a caller can do with its own account. Functions rather than
// an interface: so many methods in one would be everybody's and nobody's.
type Account struct {
	Show   func(ctx context.Context, by countersign.Caller) (countersign.Identity, error)
	Update func(ctx context.Context, by countersign.Caller, p account.Patch) (countersign.Identity, error)
	Delete func(ctx context.Context, by countersign.Caller) error
	Export func(ctx context.Context, by countersign.Caller) (account.Export, error)

	AddEmail    func(ctx context.Context, by countersign.Caller, address string) (countersign.Email, error)
	VerifyEmail func(ctx context.Context, by countersign.Caller, address, code string) (countersign.Identity, error)
	MakePrimary func(ctx context.Context, by countersign.Caller, address string) (countersign.Identity, error)
	RemoveEmail func(ctx context.Context, by countersign.Caller, address string) error

	AddPhone    func(ctx context.Context, by countersign.Caller, number string) (countersign.Phone, error)
	VerifyPhone func(ctx context.Context, by countersign.Caller, number, code string) (countersign.Identity, error)
	RemovePhone func(ctx context.Context, by countersign.Caller, number string) error

	Security    func(ctx context.Context, by countersign.Caller) (account.Security, error)
	Collections func() map[string]countersign.Keeper // by path
	Factors     func(ctx context.Context, by countersign.Caller, path string) ([]account.Factor, error)
	Prepare     func(ctx context.Context, by countersign.Caller, path string) (json.RawMessage, error)
	Add         func(ctx context.Context, by countersign.Caller, path string, body json.RawMessage) (json.RawMessage, error)
	Confirm     func(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, body json.RawMessage) (json.RawMessage, error)
	Rename      func(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID, name string) (account.Factor, error)
	Remove      func(ctx context.Context, by countersign.Caller, path string, id countersign.CredentialID) error

	Changeable func() []string
	Change     func(ctx context.Context, by countersign.Caller, method string, body json.RawMessage) error

	Sessions   func(ctx context.Context, by countersign.Caller, after countersign.SessionID, limit int) ([]countersign.Session, string, error)
	EndSession func(ctx context.Context, by countersign.Caller, id countersign.SessionID) error
	EndOthers  func(ctx context.Context, by countersign.Caller) error
	SignOut    func(ctx context.Context, by countersign.Caller) error
	Activity   func(ctx context.Context, by countersign.Caller, after string, limit int) ([]countersign.Event, string, error)
}

// Admin is what an administrator can do.
type Admin struct {
	List   func(ctx context.Context, by countersign.Caller, f countersign.IdentityFilter, after countersign.IdentityID, limit int) ([]countersign.Identity, string, error)
	Show   func(ctx context.Context, by countersign.Caller, id countersign.IdentityID) (countersign.Identity, error)
	Add    func(ctx context.Context, by countersign.Caller, n admin.New) (countersign.Identity, error)
	Patch  func(ctx context.Context, by countersign.Caller, id countersign.IdentityID, p admin.Patch) (countersign.Identity, error)
	Delete func(ctx context.Context, by countersign.Caller, id countersign.IdentityID) error

	Factors      func(ctx context.Context, by countersign.Caller, id countersign.IdentityID) ([]admin.Factor, error)
	ResetFactors func(ctx context.Context, by countersign.Caller, id countersign.IdentityID, reason string) error

	Sessions    func(ctx context.Context, by countersign.Caller, id countersign.IdentityID, after countersign.SessionID, limit int) ([]countersign.Session, string, error)
	EndSessions func(ctx context.Context, by countersign.Caller, id countersign.IdentityID, session countersign.SessionID) error
	Events      func(ctx context.Context, by countersign.Caller, f countersign.EventFilter, after string, limit int) ([]countersign.Event, string, error)
}

// AccountOf takes each of them from the process.
func AccountOf(p *account.Process) Account {
	return Account{Show: p.Show, Update: p.Update, Delete: p.Delete, Export: p.Export,
		AddEmail: p.AddEmail, VerifyEmail: p.VerifyEmail, MakePrimary: p.MakePrimary, RemoveEmail: p.RemoveEmail,
		AddPhone: p.AddPhone, VerifyPhone: p.VerifyPhone, RemovePhone: p.RemovePhone,
		Security: p.Security, Collections: p.Collections, Factors: p.Factors, Prepare: p.Prepare, Add: p.Add, Confirm: p.Confirm, Rename: p.Rename, Remove: p.Remove,
		Changeable: p.Changeable, Change: p.Change,
		Sessions: p.Sessions, EndSession: p.EndSession, EndOthers: p.EndOthers, SignOut: p.SignOut, Activity: p.Activity}
}

// AdminOf takes each of them from the process.
func AdminOf(p *admin.Process) Admin {
	return Admin{List: p.List, Show: p.Show, Add: p.Add, Patch: p.Patch, Delete: p.Delete,
		Factors: p.Factors, ResetFactors: p.ResetFactors, Sessions: p.Sessions, EndSessions: p.EndSessions, Events: p.Events}
}
