package api

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/login"
)

// sampleTime is when the examples of the document happen: to one person, on one
// afternoon, so that a reader recognises her from call to call.
var sampleTime = time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)

func sampleIdentity() countersign.Identity {
	return countersign.Identity{ID: "idn_01jd9q3v8m0e2c4g6k8n0r2t4w6y8a0b", Kind: countersign.Person, State: countersign.Active,
		Emails: []countersign.Email{{Address: "ada@example.com", Verified: true, Primary: true}}, Phones: []countersign.Phone{},
		Name: "Ada", Locale: "en", Flags: []string{"beta"}, Roles: []string{}, Metadata: json.RawMessage(`{}`), CreatedAt: sampleTime}
}

func sampleSession() countersign.Session {
	return countersign.Session{ID: "ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b", Assurance: countersign.AAL1, Methods: []string{"password"},
		AuthenticatedAt: sampleTime, LastProvedAt: sampleTime, LastSeenAt: sampleTime.Add(10 * time.Minute),
		ExpiresAt: sampleTime.AddDate(0, 0, 30), IdleExpiresAt: sampleTime.AddDate(0, 0, 7),
		Device: countersign.Device{Name: "Chrome on a Mac", Network: "192.0.2.7"}} // an address of RFC 5737, nobody's
}

func sampleWho() who { return who{sampleIdentity(), sampleSession()} }

func sampleEvent() countersign.Event {
	return countersign.Event{ID: "evt_01jd9q3v8m2d4f6h8k0m2p4r6t8w0y2a", At: sampleTime, Action: "session.opened", Outcome: "ok",
		Actor: string(sampleIdentity().ID), Subject: sampleIdentity().ID, Session: sampleSession().ID, Method: "password",
		Network: "192.0.2.7", Device: "Chrome on a Mac"}
}

func sampleExport() account.Export {
	return account.Export{ExportedAt: sampleTime, Identity: sampleIdentity(), Sessions: []countersign.Session{sampleSession()},
		Credentials: []account.ExportedCredential{{ID: sampleCredential, Method: "password", CreatedAt: sampleTime}},
		Activity:    []countersign.Event{sampleEvent()}}
}

const sampleCredential = countersign.CredentialID("crd_01jd9q3v8m3e5g7j9k1n3q5s7v9x1z3b")

// sampleFactor is one of a collection, as its owner sees it.
func (b *book) sampleFactor(m countersign.Keeper) account.Factor {
	f := account.Factor{ID: sampleCredential, Method: m.Name(), Name: "Telephone", CreatedAt: sampleTime, Detail: map[string]any{}}
	if m.Collection().Fixed {
		f.Name = ""
	}
	if detail := b.api.Shapes[m.Name()].Detail; detail != nil {
		if err := json.Unmarshal(detail, &f.Detail); err != nil {
			panic("api: an example of " + m.Name() + ": " + err.Error())
		}
	}
	return f
}

func sampleAdminFactor() admin.Factor {
	used := sampleTime
	return admin.Factor{ID: sampleCredential, Method: "password", CreatedAt: used, UsedAt: &used, Detail: map[string]any{}}
}

func samplePhone() countersign.Phone { return countersign.Phone{Number: "+442079460958"} } // a number of Ofcom's for drama, nobody's

func (b *book) sampleSecurity() account.Security {
	s := account.Security{First: []string{"password"}, Second: []string{}, Spare: []string{}, Kept: []account.Kept{}}
	all := b.api.Account.Collections()
	for _, path := range slices.Sorted(maps.Keys(all)) {
		s.Kept = append(s.Kept, account.Kept{Method: all[path].Name(), Path: path, Items: []account.Factor{}})
	}
	return s
}

// openAttempt still asks for something.
func openAttempt() attempt {
	return attempt{Result: login.Result{ID: "att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e", Purpose: countersign.SignIn, State: countersign.NeedsEvidence,
		Methods: []login.Offer{{Method: "password"}, {Method: "email_code", To: "a•••@example.com"}}, Assurance: login.Levels{Required: countersign.AAL1},
		ExpiresAt: sampleTime.Add(30 * time.Minute)}}
}

// completeAttempt has given a session to a program that asked for its token.
func completeAttempt() attempt {
	s := sampleSession()
	return attempt{Result: login.Result{ID: openAttempt().ID, Purpose: countersign.SignIn, State: countersign.Complete,
		Methods: []login.Offer{}, Assurance: login.Levels{Reached: countersign.AAL1, Required: countersign.AAL1},
		ExpiresAt: openAttempt().ExpiresAt, Session: &s}, SessionToken: "cs_ses_…"}
}

// shape returns the first example that pick finds, by the method's name, of a
// method that people can change: they know that one by heart.
func (b *book) shape(pick func(Shape) json.RawMessage) (found json.RawMessage) {
	names := slices.Sorted(maps.Keys(b.api.Shapes))
	for _, name := range names {
		s := b.api.Shapes[name]
		if pick(s) != nil && (found == nil || s.Change != nil) {
			found = pick(s)
			if s.Change != nil {
				break
			}
		}
	}
	return found
}

func (b *book) changeExample(method string) any {
	if c := b.api.Shapes[method].Change; c != nil {
		return c
	}
	return nil
}
